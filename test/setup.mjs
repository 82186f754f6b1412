// Installs what the demo and the tests need and this machine does not have, and says what. It runs on the machine's own Node.js,
// before anything is installed: `node test/setup.mjs [--engines]`, with the engines for the end-to-end tests.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

/** What must be there, and the Debian package that has it. */
const needed = [
  // of the Node.js that npm ci brings, which runs the scripts of other packages
  { path: `/usr/lib/${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu/libatomic.so.1`, package: "libatomic1" },
  { path: "ip", package: "iproute2" },
  { path: "nsenter", package: "util-linux" },
  { path: "iptables-restore", package: "iptables" },
  { path: "nft", package: "nftables" },
  { path: "busybox", package: "busybox-static" },
  { path: "sysctl", package: "procps" },
  { path: "tc", package: "iproute2" },
  { path: "tcpdump", package: "tcpdump" },
  { path: "strace", package: "strace" },
  { path: "cc", package: "gcc" },
  { path: "/usr/include/linux/rtnetlink.h", package: "libc6-dev" },
  { path: "/usr/lib/cni/bridge", package: "containernetworking-plugins" },
];
/** If there are others, such as containerd.io, they are taken. */
const engines = [
  { path: "/usr/bin/containerd", package: "containerd" },
  { path: "/usr/bin/crun", package: "crun" },
  { path: "/usr/bin/podman", package: "podman" },
];
/** The client of the CNI project; https://github.com/containernetworking/cni */
const CNITOOL = "github.com/containernetworking/cni/cnitool@v1.3.0";
/** For a machine whose Go is too old to fetch what a module needs: Go's own release, from the module proxy. */
const TOOLCHAIN = "golang.org/toolchain@v0.0.1-go1.24.9.linux-";

if (process.platform !== "linux" || process.getuid() !== 0) {
  console.error("This needs Linux and root: it makes network namespaces. Nothing outside of them is touched.");
  process.exit(1);
}
installPackages(process.argv.includes("--engines") ? [...needed, ...engines] : needed);
installNodeModules();
installGo();
installCnitool();

function installNodeModules() {
  const installed = "node_modules/.package-lock.json";
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync("package-lock.json").mtimeMs) return;
  say("npm ci: the packages of package-lock.json, among them the Node.js that the executable is built on");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

function installPackages(packages) {
  const missing = packages.filter(({ path }) => find(path) === undefined).map((each) => each.package);
  if (find("go") === undefined) missing.push("golang-go");
  if (missing.length === 0) return;
  say(`apt-get install ${missing.join(" ")}`);
  run("apt-get", ["update", "-qq"]);
  // nothing is removed for it, and no daemon is started
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "--no-remove", ...new Set(missing)], {
    DEBIAN_FRONTEND: "noninteractive",
    SYSTEMD_OFFLINE: "1",
  });
}

/** dist/tools/go: a Go that can build what is built. */
function installGo() {
  const link = resolve("dist/tools/go");
  if (existsSync(link)) return;
  const go = find("go");
  const root = goVersion(go) >= 21 ? dirname(dirname(realpathSync(go))) : downloadToolchain(go);
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(root, link);
}

/** An old Go unpacks the release as a module, without the permission to execute anything. */
function downloadToolchain(go) {
  const module = TOOLCHAIN + (process.arch === "x64" ? "amd64" : "arm64");
  say(`go mod download ${module}: this Go is too old`);
  const root = JSON.parse(execFileSync(go, ["mod", "download", "-json", module], { cwd: "/" })).Dir;
  for (const directory of ["bin", ...readdirSync(join(root, "pkg/tool")).map((name) => join("pkg/tool", name))]) {
    run("chmod", ["-R", "u+x", join(root, directory)]);
  }
  return root;
}

function installCnitool() {
  const directory = resolve("dist/tools");
  if (existsSync(join(directory, "cnitool"))) return;
  say(`go install ${CNITOOL}`);
  run(join(directory, "go/bin/go"), ["install", CNITOOL], { GOBIN: directory });
}

function goVersion(go) {
  return Number(/go1\.(\d+)/.exec(execFileSync(go, ["version"], { encoding: "utf8" }))?.[1] ?? 0);
}

function find(program) {
  if (program.startsWith("/")) return existsSync(program) ? program : undefined;
  const directories = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/go/bin"];
  return directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
}

function run(program, args, env = {}) {
  const { status } = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, ...env } });
  if (status === 0) return;
  console.error(`${program} ${args.join(" ")} failed`);
  process.exit(1);
}

function say(what) {
  console.log(`> ${what}`);
}
