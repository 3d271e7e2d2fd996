-- Authorizations that were opened and not finished in time are kept for a while, so that who comes back late reads why.

alter table authorization_flows drop constraint authorization_flows_stage_check;

alter table authorization_flows add constraint authorization_flows_stage_check
  check (stage in ('created', 'opened', 'exchanging', 'awaiting_confirmation', 'lapsed'));
