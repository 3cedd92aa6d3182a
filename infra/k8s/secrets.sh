#!/bin/sh
# Creates or updates one Kubernetes Secret for each consumer, with only its own keys, from the files of infra/secrets.sh.
set -eu
folder=${1:-$(dirname "$0")/../secrets}

secret() { # name, keys
    name=$1
    shift
    files=""
    for key in "$@"; do files="$files --from-file=$key=$folder/$key"; done
    # shellcheck disable=SC2086
    kubectl --namespace leeway create secret generic "$name" $files --dry-run=client --output yaml |
        kubectl --namespace leeway apply --filename -
}

secret leeway-postgres postgres_password prefect_db_password mlflow_db_password
secret leeway-prefect prefect_db_password prefect_auth
secret leeway-mlflow mlflow_db_password mlflow_admin_password mlflow_session_key
secret leeway-accounts mlflow_admin_password mlflow_pipeline_password mlflow_serving_password mlflow_approver_password
secret leeway-deploy prefect_auth
secret leeway-worker prefect_auth
secret leeway-run prefect_auth mlflow_pipeline_password verifying_key
secret leeway-serve mlflow_serving_password verifying_key api_keys
secret leeway-train prefect_auth mlflow_pipeline_password signing_key verifying_key
