/** Where a gate or a goal is not reached: the profile that says why, what was tried, what the limit is. A part of the page. */
export const limits = `## Limits`;
