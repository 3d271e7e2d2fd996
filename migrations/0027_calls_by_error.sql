-- Lists of the calls that ended with one type of error, of an environment and of an OAuth app. Few calls fail: the indexes have
-- only those. `docs/performance.md` describes how to create them before an upgrade; that is why they may exist already.
create index if not exists tool_executions_error on tool_executions (environment_id, error_type, status, sequence desc) where error_type is not null;
create index if not exists tool_executions_app_error on tool_executions (oauth_app_id, error_type, status, sequence desc) where error_type is not null;
