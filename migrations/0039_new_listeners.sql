-- Only for rows that are new. Each node inserts its listeners again every few seconds, mostly none of them, and a trigger of the
-- statement then woke the polls of all nodes. Postgres sends equal notifications of a transaction once.
drop trigger new_listener on event_listeners;
create trigger new_listener after insert on event_listeners
  for each row execute function notify_event_listener();
drop trigger new_listener on webhook_endpoints;
create trigger new_listener after insert or update of events, disabled_at on webhook_endpoints
  for each row execute function notify_event_listener();
