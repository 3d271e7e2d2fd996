-- When an index was searched last, to the hour. One that no one searches is compared with the provider less often.
alter table content_indexes add column last_searched_at timestamptz;
