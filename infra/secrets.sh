#!/bin/sh
# Makes every secret of the stack that is still missing, one file each, in infra/secrets (or the folder given); none is
# ever replaced. The folder is closed to others; the files are readable, because containers run as another user.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # name: what comes in becomes the secret, unless there is one
    if [ -e "$folder/$1" ]; then
        cat > /dev/null
    else
        cat > "$folder/.$1.part"
        chmod 444 "$folder/.$1.part"
        mv "$folder/.$1.part" "$folder/$1"
        echo "made $folder/$1"
    fi
}

for name in postgres_password prefect_db_password mlflow_db_password \
    mlflow_admin_password mlflow_pipeline_password mlflow_approver_password mlflow_session_key; do
    openssl rand -hex 24 | tr -d '\n' | keep "$name"
done
printf 'leeway:%s' "$(openssl rand -hex 24)" | keep prefect_auth
openssl genpkey -algorithm ed25519 | keep signing_key
