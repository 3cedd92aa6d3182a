"""C program: a version as a program in C99; its tables, how it reads a row, and how it answers."""
