#!/bin/sh
# Put the lambda-punch extension under DIR/opt, where Lambda looks for it: a line of a Dockerfile, or of a shell.
# It does what `lambda-punch install` does, without leaving lambda-punch itself behind. Safe to run twice.
set -eu

usage() {
    cat <<'USAGE'
usage: sh install.sh [--root DIR] [--python PATH] [--version VERSION | --source DIR]

  --root DIR         the directory that holds opt (default: /)
  --python PATH      the interpreter that will run the extension, 3.10 or later (default: the first found of
                     /var/lang/bin/python3 and python3)
  --version VERSION  that version of lambda-punch from the package index
  --source DIR       a checkout of lambda-punch (default: the one this script lies in; without one, the newest
                     version from the package index)
USAGE
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
    for candidate in /var/lang/bin/python3 python3 python3.13 python3.12 python3.11 python3.10; do
        if found=$(command -v "$candidate") && new_enough "$found"; then
            echo "$found"
            return
        fi
    done
}

root=/ python='' version='' source=''
while [ $# -gt 0 ]; do
    option=$1
    case $option in
    --root | --python | --version | --source)
        [ $# -ge 2 ] || fail "$option needs a value"
        shift
        ;;
    esac
    case $option in
    --root) root=$1 ;;
    --python) python=$1 ;;
    --version) version=$1 ;;
    --source) source=$1 ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        fail "unknown argument: $option"
        ;;
    esac
    shift
done
[ -z "$version" ] || [ -z "$source" ] || fail "--version and --source exclude each other"

[ -n "$python" ] || python=$(find_python)
[ -n "$python" ] || fail "no Python 3.10 or later found; name one with --python"
command -v "$python" >/dev/null || fail "no such interpreter: $python"
new_enough "$python" || fail "$python is not Python 3.10 or later"

if [ -z "$version" ] && [ -z "$source" ]; then
    beside=$(dirname "$0")
    [ ! -f "$beside/pyproject.toml" ] || [ ! -f "$beside/lambda_punch/__main__.py" ] || source=$beside
fi
if [ -n "$source" ]; then
    [ -d "$source" ] || fail "no such directory: $source"
    source=$(cd "$source" && pwd)
    [ -f "$source/lambda_punch/__main__.py" ] || fail "$source is not a checkout of lambda-punch"
    PYTHONPATH=$source "$python" -B -m lambda_punch install --root "$root" --python "$python"
    exit
fi

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$python" -m pip install --quiet --disable-pip-version-check --no-user --no-deps --target "$temporary" \
    "lambda-punch${version:+==$version}" || fail "pip cannot fetch lambda-punch"
PYTHONPATH=$temporary "$python" -B -m lambda_punch install --root "$root" --python "$python"
