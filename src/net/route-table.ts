/** RT_TABLE_MAIN of linux/rtnetlink.h */
const MAIN = 254;

/** The kernel takes no table and table 0 (RT_TABLE_UNSPEC) for the main one. */
export function routeTable(written: number | undefined): number {
  return written === undefined || written === 0 ? MAIN : written;
}
