// An image without a registry: busybox, and a web server that answers with the address at which it sees the client.
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";

export const imageName = "localhost/who:latest";

const WHO = `#!/bin/sh
echo "Content-Type: text/plain"
echo
echo "$REMOTE_ADDR"
`;

/** Writes the archive into a directory and returns its path; containerd, podman and nerdctl load it. */
export async function buildImage(directory: string): Promise<string> {
  const root = join(directory, "image-root");
  const archive = join(directory, "image");
  await makeRoot(root);
  mkdirSync(archive);
  const layer = join(archive, "layer.tar");
  await execa("tar", ["--numeric-owner", "--owner=0", "--group=0", "-C", root, "-cf", layer, "."]);
  const digest = sha256(readFileSync(layer));
  const config = JSON.stringify({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: { Env: ["PATH=/bin"], WorkingDir: "/", Cmd: ["/bin/httpd", "-f", "-p", "80", "-h", "/www"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${digest}`] },
  });
  mkdirSync(join(archive, digest));
  renameSync(layer, join(archive, digest, "layer.tar"));
  const configFile = `${sha256(config)}.json`;
  writeFileSync(join(archive, configFile), config);
  const manifest = [{ Config: configFile, RepoTags: [imageName], Layers: [`${digest}/layer.tar`] }];
  writeFileSync(join(archive, "manifest.json"), JSON.stringify(manifest));
  await execa("tar", ["-C", archive, "-cf", `${archive}.tar`, "manifest.json", configFile, digest]);
  return `${archive}.tar`;
}

async function makeRoot(root: string): Promise<void> {
  for (const name of ["bin", "etc", "proc", "sys", "dev", "run", "tmp", "root", "www/cgi-bin"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  const { stdout: busybox } = await execa("sh", ["-c", "command -v busybox"]);
  copyFileSync(busybox, join(root, "bin/busybox"));
  chmodSync(join(root, "bin/busybox"), 0o755);
  const { stdout: applets } = await execa(busybox, ["--list"]);
  for (const applet of applets.split("\n").filter((name) => name !== "busybox")) {
    symlinkSync("busybox", join(root, "bin", applet));
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  for (const file of ["group", "resolv.conf", "hosts"]) writeFileSync(join(root, "etc", file), "");
  writeFileSync(join(root, "www/cgi-bin/who"), WHO, { mode: 0o755 });
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
