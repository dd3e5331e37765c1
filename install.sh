#!/bin/sh
# Put the lambda-punch extension under DIR/opt, where Lambda looks for it. For a line of a Dockerfile, or a shell.
# It does what `lambda-punch install` does, and does not leave lambda-punch itself behind. It may be run twice.
set -eu

usage() {
    cat <<'USAGE'
usage: sh install.sh [--root DIR] [--python PATH] [--version VERSION | --source DIR]

  --root DIR         the directory that holds opt (default: /)
  --python PATH      the interpreter that will run the extension, 3.10 or later (default: the first found of
                     /var/lang/bin/python3 and python3)
  --version VERSION  take this version of lambda-punch from the package index
  --source DIR       take this checkout of lambda-punch (default: the one this script lies in; if it lies in none,
                     the newest version from the package index)

Packages are fetched by that interpreter's pip, or by uv where it has no pip.
USAGE
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

fetch() { # REQUIREMENT DIR
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install --quiet --disable-pip-version-check --no-user --no-deps --target "$2" "$1" ||
            fail "pip cannot fetch lambda-punch"
    elif uv=${UV:-$(command -v uv)}; then
        "$uv" pip install --quiet --python "$python" --no-deps --link-mode copy --target "$2" "$1" ||
            fail "uv cannot fetch lambda-punch"
    else
        fail "$python has no pip, and uv is not on PATH; install one of them"
    fi
}

find_python() {
    for candidate in /var/lang/bin/python3 python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
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
[ -z "$version" ] || [ -z "$source" ] || fail "--version and --source exclude each other; give one of them"

[ -n "$python" ] || python=$(find_python)
[ -n "$python" ] || fail "there is no Python 3.10 or later on PATH; name one with --python"
command -v "$python" >/dev/null || fail "no such interpreter: $python; name another with --python"
new_enough "$python" || fail "$python is not Python 3.10 or later; name another with --python"

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
fetch "lambda-punch${version:+==$version}" "$temporary"
PYTHONPATH=$temporary "$python" -B -m lambda_punch install --root "$root" --python "$python"
