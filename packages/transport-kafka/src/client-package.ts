import { ClientMissingError } from './errors.ts';

/** Loads the client library that the options ask for, and no other. Throws `client_missing`. */
export const loadClient = async <Library>(name: string, load: () => Promise<Library>): Promise<Library> => {
  try {
    return await load();
  } catch (error) {
    throw new ClientMissingError(name, error);
  }
};
