/** As RabbitMQ reads it from a file. */
export const configText = (config: Readonly<Record<string, string>>): string =>
  Object.entries(config)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
