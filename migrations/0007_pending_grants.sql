-- A consent that the application has not confirmed yet is a grant with the status 'pending': its owner is in clear, so
-- that a revocation can ask for other consents of the same user, and its tokens are sealed for a field that no tool opens.

alter table grants drop constraint grants_status_check;
alter table grants add constraint grants_status_check check (status in ('pending', 'active', 'ended'));
alter table grants drop constraint grants_check1;
alter table grants add constraint grants_erased_check
  check (status <> 'ended' or (access_token is null and refresh_token is null));

create index grants_pending on grants (oauth_app_id, workspace_id, provider_user_id) where status = 'pending';

-- A flow whose consent waits for its confirmation is in the stage 'consented' and names its pending grant. The stage
-- 'awaiting_confirmation' and the column pending_tokens belong to the release before: its nodes may run during the upgrade,
-- and only code can turn its sealed JSON into a grant. A stage of its own keeps them from ending flows that they cannot read.
alter table authorization_flows add column grant_id uuid;
alter table authorization_flows add foreign key (environment_id, grant_id) references grants (environment_id, id);
alter table authorization_flows drop constraint authorization_flows_stage_check;
alter table authorization_flows add constraint authorization_flows_stage_check
  check (stage in ('created', 'opened', 'exchanging', 'consented', 'awaiting_confirmation', 'lapsed'));
alter table authorization_flows add constraint authorization_flows_consented_check
  check (stage <> 'consented' or grant_id is not null);

create unique index authorization_flows_grant on authorization_flows (grant_id) where grant_id is not null;
