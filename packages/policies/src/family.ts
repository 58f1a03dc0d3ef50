/**
 * Aborts `child` when `parent` aborts, until {@link emancipate}. However many children a parent has at once, it carries
 * one listener, and none when it has no children: no `MaxListenersExceededWarning`, and a fraction of the cost.
 */
export const adopt = (parent: AbortSignal, child: AbortController): void => {
  const family = families.get(parent) ?? found(parent);
  if (family.children.size === 0) parent.addEventListener('abort', family.onAbort, { once: true });
  family.children.add(child);
};

export const emancipate = (parent: AbortSignal, child: AbortController): void => {
  const family = families.get(parent);
  if (family?.children.delete(child) && family.children.size === 0) {
    parent.removeEventListener('abort', family.onAbort);
  }
};

interface Family {
  readonly children: Set<AbortController>;
  readonly onAbort: () => void;
}

const families = new WeakMap<AbortSignal, Family>();

const found = (parent: AbortSignal): Family => {
  const children = new Set<AbortController>();
  const onAbort = (): void => {
    for (const child of children) child.abort(parent.reason);
    children.clear();
  };
  const family = { children, onAbort };
  families.set(parent, family);
  return family;
};
