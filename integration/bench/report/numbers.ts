import type { Result } from '../harness/result.ts';

/** Three significant digits: more would be noise. */
export const number = (value: number): string =>
  value === 0
    ? '0'
    : value.toLocaleString('en-US', value >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 });

const symbol = { 'at least': '≥', 'at most': '≤' };

/** What is held against the gate, with its spread. */
export const comparedText = (result: Result): string => {
  const { ratio, spread, compare, unit } = result;
  const [low, high] = spread;
  const sign = compare === 'difference' && ratio > 0 ? '+' : '';
  const text = `${sign}${number(ratio)}${compare === 'ratio' ? '' : ` ${unit}`}`;
  return low === high ? text : `${text} (${number(low)} – ${number(high)})`;
};

export const boundText = ({ bound, compare, unit }: Result, value: number): string =>
  `${symbol[bound]} ${number(value)}${compare === 'ratio' ? '' : ` ${unit}`}`.trim();

export const valueText = (value: number | null, unit: string): string =>
  value === null ? '–' : `${number(value)} ${unit}`.trim();
