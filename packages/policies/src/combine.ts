import type { Policy, PolicyLike } from '@holdfast/core';
import { layersOf, policyOf } from './layers.ts';

/**
 * Joins policies into one: the first listed is outermost. Ours listed side by side, also through another `combine`, cost
 * one async frame together; between them may stand any function of the `Policy` shape, and a policy of cockatiel.
 */
export const combine = (...policies: readonly PolicyLike[]): Policy => policyOf(policies.flatMap(layersOf));
