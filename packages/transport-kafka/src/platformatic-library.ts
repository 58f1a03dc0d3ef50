/** What the driver uses of `@platformatic/kafka`: its connections, its requests and its errors, none of its clients. */
export type Library = typeof import('@platformatic/kafka');

/** The package once it is loaded. */
export type Loading = () => Promise<Library>;

export type Connection = InstanceType<Library['Connection']>;
