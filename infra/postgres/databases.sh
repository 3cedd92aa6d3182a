#!/bin/sh
# Two databases, each owned by an account that can enter no other. The image runs this once, on an empty data folder;
# on a database of your own run it with PGHOST, PGUSER and PGPASSWORD of an administrator.
set -eu
for NAME in prefect mlflow; do
    export NAME
    psql --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv name NAME
\set password `cat "${LEEWAY_SECRETS:-/run/secrets}/${NAME}_db_password"`
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
