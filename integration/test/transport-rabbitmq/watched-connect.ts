import type { AmqpChannel, AmqpConnection } from '@holdfast/transport-rabbitmq';
import { connect } from 'amqplib';

/** A `connect` for a transport: a real connection, of which each new channel is shown to the test first. */
export const watchedConnect = (url: string, onChannel: (channel: AmqpChannel) => void) => async () => {
  const connection: AmqpConnection = await connect(url, { noDelay: true });
  const createChannel = connection.createChannel.bind(connection);
  connection.createChannel = async () => {
    const channel = await createChannel();
    onChannel(channel);
    return channel;
  };
  return connection;
};
