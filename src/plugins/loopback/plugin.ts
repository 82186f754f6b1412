// The plugin to read first: it does one thing, and has every verb that changes something.
import { apply } from "../../kernel/apply.ts";
import { listAddresses } from "../../kernel/netlink/address.ts";
import { isOwnNetns, openNetns, openNetnsIfAlive } from "../../kernel/netns.ts";
import { Places } from "../../kernel/places.ts";
import type { Cidr } from "../../net/cidr.ts";
import type { Link } from "../../plan/facts.ts";
import { CniError, ErrorCode } from "../../protocol/error.ts";
import type { AddCall, CheckCall, DelCall, Plugin, Surroundings } from "../../protocol/plugin.ts";
import type { Result } from "../../protocol/result.ts";
import { carryOut } from "../carry-out.ts";
import { addressProblem, addSteps, delSteps, loopbackResult } from "./plan.ts";

export const loopback = { add, check, del, isOwnNetns } satisfies Plugin;

/** Chained, it passes on what it was given. CNI_IFNAME is not looked at: the interface is always `lo`. */
async function add(call: AddCall, around: Surroundings): Promise<Result> {
  using container = openNetns(call.netns);
  using places = new Places(container);
  await carryOut(addSteps(findLo(places)), { places, netns: call.netns, around });
  const lo = findLo(places);
  const addresses = addressesOf(places, lo);
  const problem = addressProblem(addresses);
  if (problem !== undefined) throw new CniError(ErrorCode.Internal, problem);
  return call.network.prevResult ?? loopbackResult(call.netns, lo, addresses);
}

async function check(call: CheckCall): Promise<void> {
  using container = openNetns(call.netns);
  using places = new Places(container);
  if (!findLo(places).isUp) throw new CniError(ErrorCode.Internal, `lo in ${call.netns} is down`);
}

async function del(call: DelCall, around: Surroundings): Promise<void> {
  using container = openNetnsIfAlive(call.netns);
  if (container === undefined) return;
  using places = new Places(container);
  await apply(delSteps(findLo(places)), { ...around, places, record: () => {} });
}

function findLo(places: Places): Link {
  const lo = places.findLink("container", "lo");
  if (lo === undefined) throw new Error("the network namespace has no lo");
  return lo;
}

function addressesOf(places: Places, lo: Link): Cidr[] {
  return listAddresses(places.at("container").socket, lo).map((address) => address.cidr);
}
