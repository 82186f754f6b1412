// probe.mjs '[["tcp", ADDRESS, PORT], ["udp", ADDRESS, PORT], ["ping", ADDRESS], ...]': all at once. Prints a list of what came back: the
// address that the server sees, "answered" for ping, "refused", or "-" when nothing comes within 1.5 seconds.
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { connect } from "node:net";

const MILLISECONDS = 1_500;

const ways = {
  tcp: (address, port, done) => {
    const socket = connect({ host: address, port });
    socket.on("data", (data) => done(String(data)));
    socket.on("error", (error) => done(error.code === "ECONNREFUSED" ? "refused" : error.code));
  },
  udp: (address, port, done) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("message", (data) => done(String(data)));
    socket.on("error", (error) => done(error.code === "ECONNREFUSED" ? "refused" : error.code));
    // a connected socket hears that nobody is there
    socket.connect(port, address, () => socket.send("who am I?", () => {}));
  },
  ping: (address, _, done) => {
    execFile("busybox", ["ping", "-c", "1", "-W", "1", address], (error) => done(error === null ? "answered" : "-"));
  },
};

const answers = await Promise.all(
  JSON.parse(process.argv[2]).map(
    ([way, address, port]) =>
      new Promise((resolve) => {
        setTimeout(() => resolve("-"), MILLISECONDS);
        ways[way](address, port, resolve);
      }),
  ),
);
process.stdout.write(JSON.stringify(answers), () => process.exit(0));
