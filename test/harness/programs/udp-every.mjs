// udp-every.mjs ADDRESS PORT MILLISECONDS COUNT: sends that many packets from one socket, one each so many milliseconds, and prints how many
// were answered, and in which order by whom: `3 a a - b`.
import { createSocket } from "node:dgram";

const [, , address, port, milliseconds, count] = process.argv;
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
const answers = Array(Number(count)).fill("-");
let sent = 0;
socket.on("message", (data) => {
  answers[sent - 1] = String(data);
});
const timer = setInterval(() => {
  if (sent === answers.length) {
    clearInterval(timer);
    process.stdout.write(`${answers.join(" ")}\n`, () => process.exit(0));
    return;
  }
  sent++;
  socket.send("?", Number(port), address, () => {});
}, Number(milliseconds));
