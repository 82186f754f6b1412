// The part of a network that its containers share. It is made by the first ADD, and taken back only when that ADD fails and
// nobody else uses the bridge: every ADD holds the bridge's lock with others, taking back needs it alone.

import { apply } from "../../kernel/apply.ts";
import { type FileLock, takeLock } from "../../kernel/lock.ts";
import { listLinks } from "../../kernel/netlink/link.ts";
import { Places } from "../../kernel/places.ts";
import type { Step } from "../../plan/step.ts";
import type { Surroundings } from "../../protocol/plugin.ts";

type CheckInterrupt = Surroundings["checkInterrupt"];

/** Errors: 11, naming the holder. */
export function lockBridge(
  bridge: string,
  kind: "shared" | "exclusive",
  checkInterrupt: CheckInterrupt,
): Promise<FileLock> {
  return takeLock(`/run/dockbridge/${bridge}.lock`, { kind, mode: 0o600, checkInterrupt });
}

/** Carries out the steps that the network as a whole needs; call it with the bridge's lock. */
export async function makeNetwork(
  bridge: string,
  steps: readonly Step[],
  { places, around }: { readonly places: Places; readonly around: Surroundings },
): Promise<void> {
  const back: Step[] = [];
  around.undo.defer(`take back the bridge ${bridge}`, () => takeBackUnused(bridge, back, around));
  await apply(steps, { ...around, places, record: (step) => back.unshift(step) });
}

async function takeBackUnused(bridge: string, steps: readonly Step[], around: Surroundings): Promise<void> {
  if (steps.length === 0) return;
  const never = async () => {};
  using _lock = await lockBridge(bridge, "exclusive", never);
  using places = new Places(undefined);
  const index = places.findLink("host", bridge)?.index;
  const isUsed = listLinks(places.at("host").socket).some((link) => link.master !== undefined && link.master === index);
  if (!isUsed) await apply(steps, { ...around, places, record: () => {}, checkInterrupt: never });
}
