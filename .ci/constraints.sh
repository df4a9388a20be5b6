#!/bin/sh
# Resolve every extra anew, once for each line of Airflow that the tests run on. Needs uv; `make constraints` calls it.
set -eu

resolve() { # version of Airflow, file
    {
        echo "# What the demo and the tests install: every extra, on Python 3.11 and later, with Airflow $1."
        echo "# Made by \`make constraints\`; not meant to be edited."
        echo "apache-airflow==$1" | uv pip compile --quiet --universal --python-version 3.11 --all-extras \
            --no-annotate --no-header --no-emit-index-url --no-emit-find-links --constraint - pyproject.toml
    } >"$2.new"
    mv "$2.new" "$2"
}

resolve "${AIRFLOW_3:-3.3.2}" constraints.txt
resolve "${AIRFLOW_2:-2.11.2}" constraints-2.11.txt
