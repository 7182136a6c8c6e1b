#!/bin/sh
# Run once by PostgreSQL's image, when its volume is new; the password is not on a command line that others could see.
set -eu
export PASSWORD="$(cat /run/secrets/reader_password)"
{ printf '%s\n' '\set ON_ERROR_STOP on' '\getenv password PASSWORD'; cat /sample/shop.sql; } |
    psql --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB"
