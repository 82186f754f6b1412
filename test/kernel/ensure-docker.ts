// A program: `ensure-docker.ts $bridge $subnet $address` is what an ADD does to the firewall, in a process of its own. It says
// when it is ready, and begins when its input ends.
import { once } from "node:events";
import { apply } from "../../src/kernel/apply.ts";
import { Places } from "../../src/kernel/places.ts";
import { ensureEndpoint } from "../../src/plan/docker/steps.ts";
import { dockerNetwork, foundNetwork } from "../docker-networks.ts";
import { ip } from "../values.ts";

const [bridge = "", subnet = "", address = ""] = process.argv.slice(2);
const network = dockerNetwork(bridge, [subnet]);
using places = new Places(undefined);
const around = { places, env: process.env, log: console.error, checkInterrupt: async () => {}, record: () => {} };
process.stdout.write("ready");
await once(process.stdin.resume(), "end");
await apply(foundNetwork(network), around);
await apply(ensureEndpoint(network, { addresses: [ip(address)] }), around);
