/**
 * Makes the database itself note what is written under a claim: each deletion from a shard of the outbox and each
 * position moved in a partition, with the process that did it and the claim's epoch at that time. A process that writes
 * under the epoch of another one breaks V9.
 */
export const createWatch = `
  create function note_deletions() returns trigger language plpgsql as $note$
  begin
    insert into harness_entries (p, f, type, id, key, epoch)
    select current_setting('application_name'), 'write', 'ok', min(gone.id), 'shard ' || gone.shard, l.epoch
    from gone join holdfast.leases l on l.scope = 'relay outbox' and l.slot = gone.shard
    group by gone.shard, l.epoch;
    return null;
  end $note$;
  create trigger noted after delete on holdfast.outbox
    referencing old table as gone for each statement execute function note_deletions();

  create function note_positions() returns trigger language plpgsql as $note$
  begin
    insert into harness_entries (p, f, type, id, key, epoch)
    select current_setting('application_name'), 'write', 'ok', 'position ' || moved.settled_to,
      'partition ' || moved.topic_id || '/' || moved.partition, l.epoch
    from moved join holdfast.leases l
      on l.scope = 'log:' || moved.topic_id || ':' || moved."group" and l.slot = moved.partition;
    return null;
  end $note$;
  create trigger noted after update on holdfast.log_positions
    referencing new table as moved for each statement execute function note_positions();
`;
