#!/bin/sh
# Creates the missing secrets of the stack, one file for each, in infra/secrets or in the given folder; existing ones are
# kept. The folder is private; the files are readable, because containers run as another user.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # name: the input becomes the secret, unless it exists
    if [ -e "$folder/$1" ]; then
        cat > /dev/null
    else
        cat > "$folder/.$1.part"
        chmod 444 "$folder/.$1.part"
        mv "$folder/.$1.part" "$folder/$1"
        echo "created $folder/$1"
    fi
}

for name in postgres_password prefect_db_password mlflow_db_password \
    mlflow_admin_password mlflow_pipeline_password mlflow_serving_password mlflow_approver_password mlflow_session_key; do
    openssl rand -hex 24 | tr -d '\n' | keep "$name"
done
printf 'leeway:%s' "$(openssl rand -hex 24)" | keep prefect_auth
# The first API key of the prediction service: the text is for an application, and the service gets its sha256.
printf 'leeway_%s' "$(openssl rand -hex 24)" | keep api_key
digest=$(openssl dgst -sha256 -r "$folder/api_key" | cut -d ' ' -f 1)
printf '{"keys":[{"name":"first","sha256":"%s","scopes":["predict"],"projects":[]}]}' "$digest" | keep api_keys
# A new text, after the old one was removed, replaces the key of that name: the old one is refused from then on.
if ! grep -qF "$digest" "$folder/api_keys"; then
    sed -E "s/(\"name\": ?\"first\", ?\"sha256\": ?\")[0-9a-f]{64}/\\1$digest/" "$folder/api_keys" > "$folder/.api_keys.part"
    if grep -qF "$digest" "$folder/.api_keys.part"; then
        chmod 444 "$folder/.api_keys.part"
        mv "$folder/.api_keys.part" "$folder/api_keys"
        echo "replaced the key first in $folder/api_keys"
    else
        rm "$folder/.api_keys.part"
        echo "$folder/api_key is none of the keys in $folder/api_keys, and is refused" >&2
    fi
fi
openssl genpkey -algorithm ed25519 | keep signing_key
public=$(openssl pkey -in "$folder/signing_key" -pubout)
# Nights verify with it, and cannot sign. After a new signing key, versions of the older one are still verified.
if ! grep -qF "$(echo "$public" | sed -n 2p)" "$folder/verifying_key" 2> /dev/null; then
    { echo "$public"; cat "$folder/verifying_key" 2> /dev/null || true; } > "$folder/.verifying_key.part"
    chmod 444 "$folder/.verifying_key.part"
    mv "$folder/.verifying_key.part" "$folder/verifying_key"
    echo "created $folder/verifying_key"
fi
