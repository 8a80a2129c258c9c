#!/bin/sh
# Run by PostgreSQL's image when its volume is new: a role for Grafana. The step that makes the cohort views grants them
# to it; it may read nothing else.
set -eu
if [ -z "${GRAFANA_DB_PASSWORD:-}" ]; then
    exit 0
fi
psql --set=ON_ERROR_STOP=1 --set=password="$GRAFANA_DB_PASSWORD" \
    --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
CREATE ROLE backstamp_reader LOGIN PASSWORD :'password';
ALTER ROLE backstamp_reader SET default_transaction_read_only = on;
ALTER ROLE backstamp_reader SET statement_timeout = '30s';
SQL
