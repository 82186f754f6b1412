// servers.mjs PORT...: on each port, TCP and UDP, tells every client the address that it sees. Says on stdout when it is ready.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";

const ports = process.argv.slice(2).map(Number);
// an answer has to come from the address that was asked
const addresses = Object.values(networkInterfaces())
  .flat()
  .map(({ address }) => address)
  .filter((address) => !address.startsWith("fe80:"));

const seen = (address) => `${address?.replace("::ffff:", "")}`;
await Promise.all(
  ports.flatMap((port) => {
    const tcp = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(seen(socket.remoteAddress));
    });
    tcp.listen(port);
    return [once(tcp, "listening"), ...addresses.map((address) => answerUdp(address, port))];
  }),
);
process.stdout.write("listening\n");

function answerUdp(address, port) {
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
  udp.on("message", (_, from) => udp.send(seen(from.address), from.port, from.address, () => {}));
  udp.bind(port, address);
  return once(udp, "listening");
}
