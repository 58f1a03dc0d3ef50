/** One numbered step of a package's tables. Published ones never change: a change is a new one. */
export interface Migration {
  /** From 1, without gaps. */
  readonly version: number;
  readonly name: string;
  /** One or more statements. The schema arrives quoted. */
  readonly sql: (schema: string) => string;
}

/** The tables and functions of one package. */
export interface SchemaModule {
  readonly name: string;
  readonly migrations: readonly Migration[];
  /** What must be there before. */
  readonly needs?: readonly SchemaModule[];
}

/** The modules and all that they need, each once, what is needed first. */
export const inOrder = (modules: readonly SchemaModule[]): readonly SchemaModule[] => {
  const ordered = new Map<string, SchemaModule>();
  const visit = (module: SchemaModule): void => {
    if (ordered.has(module.name)) return;
    for (const needed of module.needs ?? []) visit(needed);
    ordered.set(module.name, module);
  };
  for (const module of modules) visit(module);
  return [...ordered.values()];
};
