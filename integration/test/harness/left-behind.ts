import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { getContainerRuntimeClient } from 'testcontainers';

/** What is left of local servers that were started with their folders in `folder`: files, and processes that work there. */
export const leftIn = (folder: string): string[] => [
  ...readdirSync(folder),
  ...readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && placeOf(pid).startsWith(folder)),
];

/** The containers that have this port of the host, running or not. */
export const containersAt = async (port: number): Promise<string[]> => {
  const { container } = await getContainerRuntimeClient();
  const all = await container.dockerode.listContainers({ all: true });
  return all.filter(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === port)).map(({ Id }) => Id);
};

const placeOf = (pid: string): string => {
  try {
    return readlinkSync(join('/proc', pid, 'cwd'));
  } catch {
    return '';
  }
};
