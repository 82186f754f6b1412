import { type Applied, apply } from "../kernel/apply.ts";
import { openNetnsIfAlive } from "../kernel/netns.ts";
import { Places } from "../kernel/places.ts";
import { printPlan } from "../plan/print.ts";
import type { Step } from "../plan/step.ts";
import type { Surroundings } from "../protocol/plugin.ts";

export interface CarryingOut {
  readonly places: Places;
  readonly netns: string;
  readonly around: Surroundings;
  /** Instead of `takeBack`, for what others may rely on by then. */
  readonly retract?: (back: Step) => Promise<void>;
}

/** Carries out steps of an ADD. When the ADD fails, now or later, each is taken back. */
export async function carryOut(
  steps: readonly Step[],
  { places, netns, around, retract = (back) => takeBack([back], netns, around) }: CarryingOut,
): Promise<Applied> {
  return apply(steps, {
    ...around,
    places,
    record: (back) => around.undo.defer(`take back: ${printPlan([back]).trimEnd()}`, () => retract(back)),
  });
}

/** By then the ADD has closed what it had open. */
export async function takeBack(steps: readonly Step[], netns: string, around: Surroundings): Promise<void> {
  using container = openNetnsIfAlive(netns);
  using places = new Places(container);
  await apply(steps, { ...around, places, record: () => {}, checkInterrupt: async () => {} });
}
