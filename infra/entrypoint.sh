#!/bin/sh
# Starts the command of the image with its secrets: a variable NAME_FILE with the path of a file in LEEWAY_SECRETS becomes
# NAME with the content of the file. Other paths are kept, such as AWS_WEB_IDENTITY_TOKEN_FILE.
set -eu
folder=${LEEWAY_SECRETS:-/run/secrets}
for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)_FILE=.*/\1/p'); do
    eval "file=\$${name}_FILE"
    case $file in
        "$folder"/*)
            if [ ! -r "$file" ]; then
                echo "${name}_FILE is $file, which cannot be read; is the secret mounted, and may user $(id -u) read it?" >&2
                exit 1
            fi
            value=$(cat "$file")
            export "$name=$value"
            unset "${name}_FILE"
            ;;
    esac
done
exec "$@"
