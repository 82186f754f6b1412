// tcp-client.mjs ADDRESS PORT: prints what the server sends. Fails when there is no answer within three seconds.
import { connect } from "node:net";

const [, , host, port] = process.argv;
const socket = connect({ host, port: Number(port), timeout: 3_000 });
socket.on("data", (data) => process.stdout.write(data));
socket.on("timeout", () => fail("no answer"));
socket.on("error", (error) => fail(error.message));

function fail(problem) {
  process.stderr.write(`${host}:${port}: ${problem}\n`);
  process.exit(1);
}
