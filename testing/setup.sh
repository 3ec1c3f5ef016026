# Installs what the tests need, into .cache/ where possible. Sourced by ./test, which stands in the repository's root.
# Every function looks first and does nothing when the thing is there in the wanted version.
# shellcheck shell=bash

CACHE="$PWD/.cache"
TOOLS="$CACHE/tools"
VENV="$CACHE/venv"
# Debian keeps servers (nghttpd, nginx) where an ordinary user's path does not lead.
export PATH="$CACHE/bin:$TOOLS/bin:$PATH:/usr/sbin"

CARGO_DENY=0.20.2
CARGO_FUZZ=0.13.2

# need_debian COMMAND:PACKAGE... installs the packages whose command is missing.
need_debian() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -eq 0 ] || install_debian "${missing[@]}"
}

install_debian() {
  local sudo=()
  if ! command -v apt-get >/dev/null; then
    echo "Missing: $*. There is no apt-get here; install these by your own package manager and run ./test again."
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Missing: $*. As root: apt-get install $*"
      return 1
    fi
    sudo=(sudo)
  fi
  echo "Installing Debian packages: $*"
  local install=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
  # The package lists of a new machine may be empty or old.
  "${install[@]}" || { "${sudo[@]}" apt-get update -q && "${install[@]}"; }
}

# Drivers are tested against the real thing; a Sentinel is the same binary.
setup_unit() { need_debian redis-server:redis-server redis-cli:redis-tools && setup_zookeeper; }

# Its start script lies outside of every path; the tests run its main class.
setup_zookeeper() {
  need_debian java:openjdk-17-jre-headless && { [ -f /usr/share/java/zookeeper.jar ] || install_debian zookeeper; }
}

setup_e2e() {
  need_debian curl:curl nc:netcat-openbsd nghttp:nghttp2-client h2load:nghttp2-client nghttpd:nghttp2-server \
    python3:python3 redis-server:redis-server || return
  setup_zookeeper && setup_python && setup_node && setup_peers_java && setup_h2spec
}

setup_python() {
  local wanted=testing/e2e/requirements.txt stamp="$VENV/installed" version
  if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or later is needed; this is $(python3 --version)."
    return 1
  fi
  version=$(python3 --version; cat "$wanted") || return
  [ -x "$VENV/bin/pytest" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ] && return
  python3 -c 'import ensurepip, venv' 2>/dev/null || install_debian python3-venv || return
  echo "Making the Python environment in .cache/venv"
  python3 -m venv --clear "$VENV" && "$VENV/bin/pip" install --quiet --requirement "$wanted" || return
  printf '%s\n' "$version" >"$stamp"
}

# Dapr's SDK, SOFARPC and TARS' SDK for Node, in the versions that testing/node/package-lock.json fixes.
setup_node() {
  local stamp="$CACHE/node/installed" version
  need_debian node:nodejs npm:npm || return
  if ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; then
    echo "Node 18 or later is needed; this is $(node --version)."
    return 1
  fi
  version=$(node --version; cat testing/node/package-lock.json) || return
  [ -d "$CACHE/node/node_modules" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ] && return
  echo "Installing Dapr's Node SDK, sofa-rpc-node and TARS' SDK into .cache/node"
  mkdir -p "$CACHE/node" && cp testing/node/package.json testing/node/package-lock.json "$CACHE/node" || return
  (cd "$CACHE/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return
  printf '%s\n' "$version" >"$stamp"
}

# The Java peers: the modules of testing/peers, each into .cache/peers/MODULE as peer.jar and its libraries in lib/.
setup_peers_java() {
  local module
  need_debian javac:openjdk-17-jdk-headless mvn:maven || return
  for module in bolt-java dubbo-java; do
    setup_peer_java "$module" || return
  done
}

setup_peer_java() {
  local source="testing/peers/$1" built="$CACHE/peers/$1" version
  version=$(java -version 2>&1; find "$source" -type f | LC_ALL=C sort | xargs sha256sum) || return
  [ -f "$built/peer.jar" ] && [ "$(cat "$built/installed" 2>/dev/null)" = "$version" ] && return
  echo "Building $source into .cache/peers/$1"
  rm -rf "$built" && mvn --quiet --batch-mode --file "$source/pom.xml" package || return
  printf '%s\n' "$version" >"$built/installed"
}

# The conformance suite for HTTP/2, built from the versions that testing/setup/go.sum fixes.
setup_h2spec() {
  local stamp="$CACHE/bin/h2spec.sum" wanted
  wanted=$(cat testing/setup/go.sum) || return
  [ -x "$CACHE/bin/h2spec" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  need_debian go:golang-go || return
  echo "Building h2spec into .cache/bin"
  mkdir -p "$CACHE/bin"
  (cd testing/setup && go build -mod=readonly -o "$CACHE/bin/h2spec" github.com/summerwind/h2spec/cmd/h2spec) || return
  printf '%s\n' "$wanted" >"$stamp"
}

setup_deny() { cargo_tool cargo-deny "$CARGO_DENY"; }

setup_fuzz() { need_debian c++:g++ && cargo_tool cargo-fuzz "$CARGO_FUZZ"; }

# cargo_tool NAME VERSION. Built without optimisation: it runs for a second, and compiles in half the time.
cargo_tool() {
  [ "$("$TOOLS/bin/$1" --version 2>/dev/null)" = "$1 $2" ] && return
  echo "Building $1 $2 into .cache/tools"
  CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_TARGET_DIR="$TOOLS/target" cargo install --quiet --locked --force --root "$TOOLS" "$1@$2" || return
  rm -rf "$TOOLS/target"
}
