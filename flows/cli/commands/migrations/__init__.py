"""Commands that bring in line what no longer fits: a changed spec, another name, a lost champion."""
