-- flow ids: bob=YUzv6fHFeLM6W8rkvCZbXLi5y-i_iSB1ySLHYugtfD8 carol=3QHhQwxUiIhifVt0q0_47PQVz0W9FEtlyuYA9MgPWu0 dave=iuKGwmasRN-hUjIhVaUW6BzlElaOOyfX00P16yEq6e8 olga=PmVq0rtxxt_h2TpAdmk0Re7L55OQbsN2RWHn7Fofdbw
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: is_node_gone(integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_node_gone(node integer) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select node is not null and not exists (
    select from pg_locks
    where locktype = 'advisory' and granted and classid = 1986096235 and objid = node::oid and objsubid = 2
      and database = (select oid from pg_database where datname = current_database())
  )
$$;


--
-- Name: refuse_retired_keys(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_retired_keys() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
  fields jsonb := to_jsonb(new);
  sealed_column text;
  key_state text;
begin
  foreach sealed_column in array tg_argv loop
    select state into key_state from vault_keys
      where header = split_part(fields ->> sealed_column, '.', 1) for key share;
    if key_state = 'retired' then
      raise exception '%.% was sealed under a data key that is retired', tg_table_name, sealed_column;
    end if;
  end loop;
  return new;
end $$;


--
-- Name: take_rate_permits(uuid, uuid, integer, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.take_rate_permits(for_environment uuid, for_grant uuid, wanted integer, per_minute integer) RETURNS TABLE(granted integer, wait_ms integer)
    LANGUAGE plpgsql
    AS $$
declare
  budget rate_budgets%rowtype;
  moment timestamptz;
  slot bigint;
  used integer;
  allowed integer;
begin
  insert into rate_budgets (grant_id, environment_id) values (for_grant, for_environment) on conflict do nothing;
  select * into budget from rate_budgets where grant_id = for_grant and environment_id = for_environment for update;
  moment := clock_timestamp();
  slot := floor(extract(epoch from moment) / 5);
  -- A slot counts until sixty seconds after its end: at most five seconds too long, never too short.
  while cardinality(budget.slots) > 0 and budget.slots[1] < slot - 12 loop
    budget.slots := budget.slots[2:];
    budget.counts := budget.counts[2:];
  end loop;
  if budget.paused_until > moment then
    granted := 0;
    wait_ms := ceil(extract(epoch from budget.paused_until - moment) * 1000);
  else
    allowed := case when budget.learned_until > moment then least(per_minute, budget.learned_limit) else per_minute end;
    select coalesce(sum(taken), 0) into used from unnest(budget.counts) as taken;
    granted := greatest(0, least(wanted, allowed - used));
    wait_ms := 0;
    if granted = 0 then
      wait_ms := ceil((coalesce(budget.slots[1], slot) * 5 + 65 - extract(epoch from moment)) * 1000);
    elsif budget.slots[cardinality(budget.slots)] = slot then
      budget.counts[cardinality(budget.counts)] := budget.counts[cardinality(budget.counts)] + granted;
    else
      budget.slots := budget.slots || slot;
      budget.counts := budget.counts || granted;
    end if;
  end if;
  update rate_budgets set slots = budget.slots, counts = budget.counts
  where grant_id = for_grant and environment_id = for_environment;
  return next;
end
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: api_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_keys (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    environment_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    secret_hmac text NOT NULL,
    scopes text[] NOT NULL,
    bootstrap boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_used_at timestamp with time zone,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone
);


--
-- Name: authorization_flows; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authorization_flows (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    environment_id uuid NOT NULL,
    oauth_app_id uuid NOT NULL,
    account_id uuid NOT NULL,
    link_hash text NOT NULL,
    state_hash text,
    browser_hash text,
    confirmation_hash text,
    code_verifier text,
    stage text NOT NULL,
    return_url text,
    application_state text,
    expected_resources jsonb DEFAULT '[]'::jsonb NOT NULL,
    missing_resources jsonb DEFAULT '[]'::jsonb NOT NULL,
    allow_user_change boolean DEFAULT false NOT NULL,
    pending_tokens text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT authorization_flows_stage_check CHECK ((stage = ANY (ARRAY['created'::text, 'opened'::text, 'exchanging'::text, 'awaiting_confirmation'::text, 'lapsed'::text])))
);


--
-- Name: connected_accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.connected_accounts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    environment_id uuid NOT NULL,
    oauth_app_id uuid NOT NULL,
    identifier text NOT NULL,
    status text DEFAULT 'PENDING'::text NOT NULL,
    status_reason text DEFAULT 'CREATED'::text NOT NULL,
    grant_id uuid,
    missing_resources jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    authorized_at timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT connected_accounts_check CHECK (((status <> 'ACTIVE'::text) OR (grant_id IS NOT NULL))),
    CONSTRAINT connected_accounts_status_check CHECK ((status = ANY (ARRAY['PENDING'::text, 'PENDING_CONFIRMATION'::text, 'ACTIVE'::text, 'EXPIRED'::text, 'REVOKED'::text, 'DISCONNECTED'::text])))
);


--
-- Name: environments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.environments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: grants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.grants (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    environment_id uuid NOT NULL,
    oauth_app_id uuid NOT NULL,
    provider_user_id text NOT NULL,
    workspace_id text NOT NULL,
    workspace_name text,
    workspace_icon_url text,
    owner_name text,
    owner_email text,
    bot_id text,
    status text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    access_token text,
    refresh_token text,
    issued_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone,
    last_verified_at timestamp with time zone,
    capabilities text[] NOT NULL,
    denied_capabilities text[] DEFAULT '{}'::text[] NOT NULL,
    lease_owner text,
    lease_until timestamp with time zone,
    fence bigint DEFAULT 0 NOT NULL,
    phase text DEFAULT 'idle'::text NOT NULL,
    was_sending boolean DEFAULT false NOT NULL,
    fail_count integer DEFAULT 0 NOT NULL,
    next_refresh_at timestamp with time zone,
    next_verify_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT grants_check CHECK (((status = 'ended'::text) OR (access_token IS NOT NULL))),
    CONSTRAINT grants_check1 CHECK (((status = 'active'::text) OR ((access_token IS NULL) AND (refresh_token IS NULL)))),
    CONSTRAINT grants_phase_check CHECK ((phase = ANY (ARRAY['idle'::text, 'sending'::text]))),
    CONSTRAINT grants_status_check CHECK ((status = ANY (ARRAY['active'::text, 'ended'::text])))
);


--
-- Name: idempotency_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency_keys (
    environment_id uuid NOT NULL,
    account_id uuid NOT NULL,
    key text NOT NULL,
    input_hash text NOT NULL,
    execution_id uuid NOT NULL,
    state text NOT NULL,
    sealed_result text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'outcome_unknown'::text])))
);


--
-- Name: migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.migrations (
    name character varying(255) NOT NULL,
    "timestamp" character varying(255) NOT NULL
);


--
-- Name: migrations_lock; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.migrations_lock (
    id character varying(255) NOT NULL,
    is_locked integer DEFAULT 0 NOT NULL
);


--
-- Name: oauth_apps; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_apps (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    environment_id uuid NOT NULL,
    connection_name text NOT NULL,
    connector text NOT NULL,
    client_id text NOT NULL,
    client_secret text NOT NULL,
    capabilities text[] NOT NULL,
    return_urls text[] NOT NULL,
    confirmation_url text,
    sandbox boolean NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    refresh_paused_until timestamp with time zone,
    token_lifetime_seconds integer,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: rate_budgets; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.rate_budgets (
    grant_id uuid NOT NULL,
    environment_id uuid NOT NULL,
    slots bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    counts integer[] DEFAULT '{}'::integer[] NOT NULL,
    learned_limit integer,
    learned_until timestamp with time zone,
    paused_until timestamp with time zone
);


--
-- Name: revocation_outbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.revocation_outbox (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    environment_id uuid NOT NULL,
    oauth_app_id uuid NOT NULL,
    workspace_id text NOT NULL,
    provider_user_id text NOT NULL,
    sealed_token text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    give_up_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: server_secrets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.server_secrets (
    purpose text NOT NULL,
    sealed text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: status_transitions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.status_transitions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    sequence bigint NOT NULL,
    environment_id uuid NOT NULL,
    account_id uuid NOT NULL,
    from_status text,
    to_status text NOT NULL,
    reason text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: status_transitions_sequence_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.status_transitions ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.status_transitions_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: tool_executions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tool_executions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    sequence bigint NOT NULL,
    environment_id uuid NOT NULL,
    account_id uuid NOT NULL,
    tool_name text NOT NULL,
    status text NOT NULL,
    error_type text,
    writes boolean NOT NULL,
    input_hash text NOT NULL,
    provider_request_ids text[] DEFAULT '{}'::text[] NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deadline_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    node_id integer,
    CONSTRAINT tool_executions_status_check CHECK ((status = ANY (ARRAY['RUNNING'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'OUTCOME_UNKNOWN'::text])))
);


--
-- Name: tool_executions_sequence_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.tool_executions ALTER COLUMN sequence ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tool_executions_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: vault_canaries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vault_canaries (
    kek_id text NOT NULL,
    sealed text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: vault_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vault_keys (
    kid text NOT NULL,
    header text NOT NULL,
    state text NOT NULL,
    kek_id text NOT NULL,
    wrapped_key text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    promoted_at timestamp with time zone,
    retired_at timestamp with time zone,
    CONSTRAINT vault_keys_check CHECK (((state = 'retired'::text) = (wrapped_key IS NULL))),
    CONSTRAINT vault_keys_state_check CHECK ((state = ANY (ARRAY['primary'::text, 'decrypt_only'::text, 'retired'::text])))
);


--
-- Data for Name: api_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_keys VALUES ('b31f9e3a-b7f2-4eb1-9e30-e294cfa80675', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'bootstrap', 'upgr…', '8c8c1373cddc3c51679223fb88b0cc45a92a0633f515552936f32d7f0cdc4110', '{ADMIN}', true, '2026-11-28 03:27:42.185284+00', '2026-11-28 03:27:42.305696+00', NULL, NULL);


--
-- Data for Name: authorization_flows; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.authorization_flows VALUES ('ffefe47f-5e51-4250-9657-691451d241f1', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '5bf85de5-b4c7-4401-84c8-1d8c9034f638', '106cc01c0cc58f63a04bb2d555bd4670a28bb52a2de6dd867a6beb372884f106', NULL, 'db0a2a8cbcb7648fd4ca48a40beaa2edba2ca06d26a7a0a1d6dc822fb625d03c', '161708330e2a7bf49c6ff11af0c4f104226851ca1b73915bc517f95b4bd616ad', NULL, 'awaiting_confirmation', NULL, NULL, '[]', '[]', false, 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..9Xl-Tc0Xq-Ir-Fdf.41wmIOBlvNhyvR1WzoN6YqP232uFkCQjZbfRF-6Nc525AhvbN7dUAT6BGl6aQwI9SFPN_TMGZi0mGShPRYjOPnv-qrv8d7GqfXCfD2oCnIOlRT7J5i3V18LsIfGxI1fLO01qHhsbiRdK5pszQvNTdPxZhkijQn1IFNgqEQCKG_M6IPCvC2t9-ZpiuPbh0eFrBF0NlVIzsMqagw3InCElHHK5XTOFFwIJgS9om8sWC-VyFd5LSxTNk1FkmD6-ReEZ0wO_xT9LVzKssQnK4nMjHAold5EtuaeXc_HZhfn7liycQXvdvwl8tG-DMAVJR-KKCN4ig3rRcOtQIR650zWSjtyLIJSDj4iFq7GpVCPi-fKUWSStq11yC_uhJluHrjXCq6-UZfWG6AQQXrgxaY8V76u-rRNizw4w7eXL0A_TYE7jDEvGSHPMUU5GN2qCXPnq5FsB13JyF7-5GNj9oz0iiSrhK3K7WOO52TpxBRDU51bN0IXG8Ih6dDOBMiU3VFxMbjElOIM9oVlV5NnK4WaOxtvU_4N6JOc747sMXcaDj3i07d9yQthR-UbkL54K7VmACGrgb0U1EetMDIlWmda1i12jyd5pYBRGDr9QvkGnyTw1amIPE43UZpegJw0s_6ENA09CelNTwQoArIQuxe6-yJaNbcomnKKWJ5kaR40jLEi1S4uoAyGxFJ0.UMYIh7OI8-sOQirFzMQhag', '2026-11-28 03:27:43.274708+00', '2026-11-28 03:37:43.431086+00');
INSERT INTO public.authorization_flows VALUES ('47b3fad8-dd12-4ccf-b081-24dd449ee688', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'e5cac8fd-e082-4fb1-9d2d-3c2aceed1338', '57aab0cceae4b19ee917bf923bb04791f10b119298b6eddbbd13821e4324c2bf', NULL, 'a650c8e04c7f6aa26b776f57db812bd1ee1462c5b9ac4de02a69436d7e9ca805', '4e67d90e24c71a5c7c4894be2943416211bc7923d80abc3ce71873b2d83473de', NULL, 'awaiting_confirmation', NULL, NULL, '[]', '[]', false, 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..IuZBQ3E6f9_d1E8Y.TVdNo_Of9FdhOnl6PUOe_kOgI2AHyuLd3iJvvlvub3TSMQ9PtiY9X8-Wne1E6JdajXr6Mo4aE2z5g_SWc_OwBZks6t23Sjrovmqk-yGHc75FKCT207ntjyG_IwvRB2iMi3ARmm4K5y52JpvFh4SZL-wE-B2qvkB99hCATOJKF3VSNFBLy0J6pp1zwkscdHigxr_oqtPOiztKVj0P0ugap4cp9tkLgiqsFZFN8TNJy22zOjrQaUzygc6TNBzQIsAc6Dwv1VrTS7CwxFisNLHMppjXTlpxBghOjwtnTNkx6A5NM933IzFTIpmTApki_MSI4HGKq7K00EO8zq1XqmSI3BIa0EpTWN5Q9UvXCx0c7BgOfROvPXEYqPDyUo_uM_1JIn7XrBU0Xiq7fnzXKbs2TqHiaXki9dv_wBacvTEnATeO6VdxsoFQSQX_giwn_YWKmKa8XNyUa2wR5oOG8fBQqYZ0Yhkm67lXI0pVSPZJH7hfLSHEy6VUBhRYmYAObP3DhdaGb8ssZ1_5FwOMLQv4L88Zo6yBB5M7gLrdFTbA6s88cbPgmPCRK1thoF9tudvBdCxXw1mjzLqj-twZGS7I1FW7uqB047eM4PV_-XOO5wQC4mxF4dTWtHrtObK_FWQGYAWqeqghAnKaKl-wAHeRFvSQ7IylFeTN3gwxHATBLZPj-faQkVFPa3T54viVtXohOQ.HAkyM_Kk0FbFhpkd256Esg', '2026-11-28 03:27:43.549686+00', '2026-11-28 03:37:43.699434+00');
INSERT INTO public.authorization_flows VALUES ('e96d02bc-a376-4888-8f6b-a827c145a816', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '6d9e0d70-f950-4f3b-8242-9d22d9f4893e', '947bf554a806a4d5dbb5692e9f332ef60f32e7467b72acffd64d4043e8fc8ba4', NULL, '2b93307310067704217e5cbfc740c82e32a9a0c9ca3041314b57c08150aa593f', 'ebee2bd7236ac69d85e3084188d432e6efcbb01bbdb8b346b2296133b8aa8955', NULL, 'awaiting_confirmation', NULL, NULL, '[]', '[]', false, 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..SqyIv-78DZ-SNEG3._tf1UOwWeBZCJsm_DK_wE-_MtWC7oUtIYHIGsG5WsU_6SuYtIFURbgLUc1MnGufRw1HbXkgztQdn_YoXKwj-J2dIX-ZviPn4lY6XTWHMRnt3edf7SGu_jN9QpdSgeOdJwXU12DSDGRoRAvY1o_i5kpeeTh5eVfYXl9QtyI5UF7IeXDbOTbyit9PZ4Uxr1WJdI9topmdSebzUr8FCYPwiFiU7gs9D5ZE32M6E80Fg2rzXyErMsWjT_TsrcrSTz2VskHlj4zxI38wTt-QYh9I2UsFhiUQQSscu_YQ5hCe71Gek7Qr2n5wmuWtV5vnvkY_Z6WiX98qxX9lmL6rBa_k6ik9oYXsaBbXfexWrZWcRm0-pKmiWwrbaQFLEs46IJ_I0_c2Q9Cro3u_eNE9tMaTB3A-tMXd_kUGprLqe3kGHggNqO47_J1kOmaQ8bnYTCpB--1zVwNm7N1gXzCS2D-9KmxWIVckanjbPSu6rTUt7x2oXmYVMySq_ryH28YKyvrogN09TTCzX2cuKoXvCIAmj1qNhuW_lTpfVod0TuPvuOM3jyEDHxJqlMY-ToHqDZIPp_f-sQvsdA41vTilhEkxLwexFG4ziWCSfhKu53UT1uEuNx-2e1KlHecYnA2mD5RzyMkjPiswPVj5eQt9n37Iqc98yd8SfbZZ9OSr-bFrP8S8y0cbUhLHhaZBWXczE.3q09nhYWubC2TWscKz5gsQ', '2026-11-28 03:27:43.766125+00', '2026-11-28 03:37:44.002282+00');
INSERT INTO public.authorization_flows VALUES ('c55c9f0b-e713-4a7c-a5b5-b76d6f4f478e', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '8758f303-ff35-4787-bf2c-49c5c8db2a42', '62bc0dcea4d4d21301fe8ac4ce34e345c08a2b78829d2e64fc249bf4ba060599', NULL, '0bfe8c9765537394ce06c6cccc3a42d3433c0d4ad9e03574b90ed2fd916c3257', '72b1c3dd6d31bf7df5bf95cb666fa057bd83e346787d008c878c914860dd158a', NULL, 'awaiting_confirmation', NULL, NULL, '[]', '[]', false, 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..e9CAihtRvzGkherK.z1g-WRaSLgF7n6KU5DopjustBOoq9yWqRJn6Z7twIEkya7MQPbTUlJCQhuezcjTrboFBl1-Ts-iYslrxWu73u_65j0LgY5QiSO_ioATvYR_Gbx19l5lglQtiw71YVZ1_KXMaGHwYMv1w0haft8wAvB8nYyaUz2Zhye6cnvS1njj-6mPyBCXnMLP630nz-1QejA4lcOHFz-Fnxwj11VCl6SUO67vkKbCvvcSP75o3sLDgef0LFFAjtn-OfoHd81iPR1JqaEBO9coTZu5JhV5ynTFekKFnz-I5Bt8XB8QtM8MYwGaX87n8ayFiF_C_sYfvGZ8OC65QZNTMv2PsFjzeWHb0WZ5CLbgKLRpHOFx7L2yOt0uIpsq2XQ11b6u2R-KQpenUwLjF1l1fbacU1nhWoHD2wSxWsNl77MAUrJkpysXyQuK3LxrJJE6DT0BFbmVVwtZsRyWWe-ecP3VP_IioGgVQR9FI2-cStbMVngQaS8q4C6tN54qY9ibGIj3LE3snoOxONZWHMy_DCxRyuLy9ArreQ5Zx_t4UpQmwJhDOPbEpTEMIFoVCKDmsc4NS5PvK4pR-8iV5H0X3j2Md7Mf2ibbA19AgYPeCIR8bhEWrYfmdlcLNP5H9rZLYit-lZ5ecTpSnmsxnkN4MbWRHom482dJCjew-x62JjtpPmgZnHvb6k2r7qpK96_9nmsbd.jSrMr7n8PW5qcczHCMWszQ', '2026-11-28 03:27:44.11197+00', '2026-11-28 03:37:44.399382+00');
INSERT INTO public.authorization_flows VALUES ('be0333c5-34b8-4731-87a6-25a36c308225', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '4bdaca4a-8246-4522-9cf4-6f1d23bb3a17', 'b1624b1bd21cdce0cc7cc0f77fae635033e3896bb40ee002a0dc52b198869618', NULL, NULL, NULL, NULL, 'created', NULL, NULL, '[]', '[]', false, NULL, '2026-11-28 03:27:44.563575+00', '2026-11-28 03:37:44.563576+00');
INSERT INTO public.authorization_flows VALUES ('77351bba-2781-41fe-bb94-91337a9ab33b', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '1245ca0a-3892-4a1e-b651-c2083a542f2d', '6f08ffe4ac31624bb375d15e298137f9a77a33fd04d50ae6216bd8ce428b11c6', 'bb3ae35879c2ca030bfc28ab21dd368a18bcc2f16dcc68301baefe7b5b50cb7c', '4a0ea47314a9e32ebd7b551028dba34d49f333afc96f85c79c003fdd1e424e8e', NULL, NULL, 'opened', NULL, NULL, '[]', '[]', false, NULL, '2026-11-28 03:27:44.693454+00', '2026-11-28 03:37:44.693454+00');
INSERT INTO public.authorization_flows VALUES ('764d36ac-b4e9-47e6-b822-198ef6207c09', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '794b9bd1-ee64-4391-846e-aae0c4f97124', 'bd1e3f0715b0eb3b2f727f6af820d1f2eef6fe941c4c854d0916d5344d4f01a1', NULL, '844242860f88069b5bc0eee44203d2202d8d01ad621ecb70cc3385464dff2f0e', NULL, NULL, 'exchanging', NULL, NULL, '[]', '[]', false, NULL, '2026-11-28 03:27:44.81287+00', '2026-11-28 03:37:45.016876+00');


--
-- Data for Name: connected_accounts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.connected_accounts VALUES ('807c7cc3-c903-44ff-9119-a85c294989fb', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'ann', 'ACTIVE', 'AUTHORIZED', '86bef166-d45b-4310-9237-a4dcd37802f4', '[]', '2026-11-28 03:27:42.518326+00', '2026-11-28 03:27:42.862251+00', '2026-11-28 03:27:43.058868+00');
INSERT INTO public.connected_accounts VALUES ('5bf85de5-b4c7-4401-84c8-1d8c9034f638', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'bob', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', NULL, '[]', '2026-11-28 03:27:43.250848+00', NULL, NULL);
INSERT INTO public.connected_accounts VALUES ('e5cac8fd-e082-4fb1-9d2d-3c2aceed1338', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'carol', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', NULL, '[]', '2026-11-28 03:27:43.527634+00', NULL, NULL);
INSERT INTO public.connected_accounts VALUES ('6d9e0d70-f950-4f3b-8242-9d22d9f4893e', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'dave', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', NULL, '[]', '2026-11-28 03:27:43.756407+00', NULL, NULL);
INSERT INTO public.connected_accounts VALUES ('8758f303-ff35-4787-bf2c-49c5c8db2a42', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'olga', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', NULL, '[]', '2026-11-28 03:27:44.101993+00', NULL, NULL);
INSERT INTO public.connected_accounts VALUES ('4bdaca4a-8246-4522-9cf4-6f1d23bb3a17', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'erin', 'PENDING', 'CREATED', NULL, '[]', '2026-11-28 03:27:44.48173+00', NULL, NULL);
INSERT INTO public.connected_accounts VALUES ('1245ca0a-3892-4a1e-b651-c2083a542f2d', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'frank', 'PENDING', 'CREATED', NULL, '[]', '2026-11-28 03:27:44.676691+00', NULL, NULL);
INSERT INTO public.connected_accounts VALUES ('794b9bd1-ee64-4391-846e-aae0c4f97124', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'gina', 'PENDING', 'CREATED', NULL, '[]', '2026-11-28 03:27:44.796653+00', NULL, NULL);
INSERT INTO public.connected_accounts VALUES ('b67386ae-07a1-401a-9207-ee1b4f76ea55', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', 'hank', 'DISCONNECTED', 'DISCONNECTED_BY_APPLICATION', 'e722cee9-7129-4650-9f00-c1da1ec729c1', '[]', '2026-11-28 03:27:42.889686+00', '2026-11-28 03:27:42.986985+00', NULL);


--
-- Data for Name: environments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.environments VALUES ('f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'default', '2026-11-28 03:27:42.163093+00');


--
-- Data for Name: grants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.grants VALUES ('86bef166-d45b-4310-9237-a4dcd37802f4', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '33333333-3333-4333-8333-000000616e6e', '22222222-2222-4222-8222-222222222222', 'Acme', NULL, 'ann', 'ann@acme.test', '33333333-3333-4333-8333-000000626f74', 'active', 1, 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..fSTNOAMv1rY0vbJ1.rylzTiR8LA.gENZoP9tWMQImgEmdaUZ0A', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..vtIbAJM1kLY65b0V.nL7zA--vow.sSxWxmBFyuAnQ2twYS0sJA', '2026-11-28 03:27:42.625+00', NULL, '2026-11-28 03:27:42.858793+00', '{READ_CONTENT,INSERT_CONTENT,UPDATE_CONTENT,READ_COMMENTS,INSERT_COMMENTS,READ_USERS,READ_USER_EMAILS}', '{}', NULL, NULL, 0, 'idle', false, 0, NULL, '2026-11-28 04:27:46.160327+00', '2026-11-28 03:27:42.858793+00', NULL);
INSERT INTO public.grants VALUES ('e722cee9-7129-4650-9f00-c1da1ec729c1', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '33333333-3333-4333-8333-000068616e6b', '22222222-2222-4222-8222-222222222222', 'Acme', NULL, 'hank', 'hank@acme.test', '33333333-3333-4333-8333-000000626f74', 'ended', 1, NULL, NULL, '2026-11-28 03:27:42.914+00', NULL, '2026-11-28 03:27:42.985168+00', '{READ_CONTENT,INSERT_CONTENT,UPDATE_CONTENT,READ_COMMENTS,INSERT_COMMENTS,READ_USERS,READ_USER_EMAILS}', '{}', NULL, NULL, 0, 'idle', false, 0, NULL, NULL, '2026-11-28 03:27:42.985168+00', '2026-11-28 03:27:44.940448+00');


--
-- Data for Name: idempotency_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.idempotency_keys VALUES ('f7c547e5-91cf-4a79-90ac-feeed0bd422c', '807c7cc3-c903-44ff-9119-a85c294989fb', 'comment-once', '5232016a5c0c65c13f62162afd9243d68b11867e559d1554c1b357f1616ea6d8', 'b2da788d-a927-4a4d-8cec-391e46dba00b', 'done', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..nUl8qslFovbGLACA.NEPgKEYWnPFqSIrtsp7-IpCvbYPX4-ZHIoi50oYuyiCET2eJJFrSzm-z05yvUGDaxU5QxiPNvNVnLZAA3Mojh6eVn5WObBpc0ychlElOHouYm8qItRruf9WZIpYgpSPyHvOeCN6T4sYUwnLnCtLq6cxL4bJTUKnS68FYkKaWQojNBwiguFsUQl7GJLuT_OTcXyj3OFOQF7Kpu2xMEch2BHGgKn84ed_ckqPz3yA2KK2Hr9qK7YOohOG7hnEEP5WOlTt8ZA9kkKbatW-oGglzp7UxMXM0iX94H-L2c6EriHNOfI1Ztc6P391RIKqN_-aQQZGlDw-Wi2-axS5v-RW1vC4gj3K8iyy_8o2RsrOteHVsaW3PEwvuEZfkbfHz936kaa8wpcYf5vddTFJV_ENX4GjzYtBlfj6rZ098SzwbA0fcWR_u-tvqbJYMc8ikXrezSgTY2q37YmVDv20mD86wlQi9DwTdAuPMsEzrwG21TPBgbnQ4ge6Eod_pHliGpP4.1fzUBpGUaE7g5JzOlpA3og', '2026-11-28 03:27:43.115248+00', '2026-11-29 03:27:43.115248+00');


--
-- Data for Name: migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.migrations VALUES ('0001_environments', '2026-11-28T03:27:40.951Z');
INSERT INTO public.migrations VALUES ('0002_accounts', '2026-11-28T03:27:41.299Z');
INSERT INTO public.migrations VALUES ('0003_tools', '2026-11-28T03:27:41.374Z');
INSERT INTO public.migrations VALUES ('0004_retired_keys', '2026-11-28T03:27:41.377Z');
INSERT INTO public.migrations VALUES ('0005_node_presence', '2026-11-28T03:27:41.379Z');
INSERT INTO public.migrations VALUES ('0006_lapsed_flows', '2026-11-28T03:27:41.396Z');


--
-- Data for Name: migrations_lock; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.migrations_lock VALUES ('migration_lock', 0);


--
-- Data for Name: oauth_apps; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.oauth_apps VALUES ('188b43b4-7716-4bd0-ba39-12dacfec1b55', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'notion', 'notion', 'client', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..xnzm4eI1gnEpr7uH.y9Fuu_rjOKbq3kjxVg.fVZNbuNKto_90Vi5xlhbiw', '{READ_CONTENT,INSERT_CONTENT,UPDATE_CONTENT,READ_COMMENTS,INSERT_COMMENTS,READ_USERS,READ_USER_EMAILS}', '{http://localhost:9/}', 'http://localhost:9/confirm', false, 1, NULL, NULL, '2026-11-28 03:27:42.414071+00', '2026-11-28 03:27:42.438468+00');


--
-- Data for Name: rate_budgets; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.rate_budgets VALUES ('86bef166-d45b-4310-9237-a4dcd37802f4', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '{359167292}', '{3}', NULL, NULL, NULL);


--
-- Data for Name: revocation_outbox; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.revocation_outbox VALUES ('bdf55527-c0ce-4b2e-ba9f-4d2dfcafccc2', 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '188b43b4-7716-4bd0-ba39-12dacfec1b55', '22222222-2222-4222-8222-222222222222', '33333333-3333-4333-8333-000068616e6b', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..V1bT4565XTcTao3l.BCL1VQOMlHhPnh1_CoTQ29BX2ngATtg.OEz6ueyGq4Xtm6o1nys0Eg', 1, '2026-11-28 03:27:46.177791+00', '2026-11-29 03:27:44.936325+00', '2026-11-28 03:27:44.936326+00');


--
-- Data for Name: server_secrets; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.server_secrets VALUES ('api-key-pepper', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..VZ-bjF3T3mrXwNk1.uDwOdVaEO3HYJek49_BcdaeSQT6BWQOxrNEivaQZfrghMKxGEj5MZDKA7w.fcMrsyKjTIB4U9cxFj_xyg', '2026-11-28 03:27:41.669271+00');
INSERT INTO public.server_secrets VALUES ('user-session-key', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9..R0l0itKaDBe5w0e2.-W9VNOQjvqQcgrZXlKETtKjXZKm_FpbGR5EYxBsijW3k3t1ajvb6ZwwvTQ.-Qd_aYw8awqcGfSViYAkCA', '2026-11-28 03:27:41.693751+00');


--
-- Data for Name: status_transitions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('3c120af4-b399-49e6-ad78-1585291a274e', 1, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '807c7cc3-c903-44ff-9119-a85c294989fb', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:42.538756+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('2a9f2d23-cdd0-40e9-a60c-2cb14644b682', 2, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '807c7cc3-c903-44ff-9119-a85c294989fb', 'PENDING', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', '2026-11-28 03:27:42.816757+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('86441a32-e418-450c-9f76-92c051470538', 3, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '807c7cc3-c903-44ff-9119-a85c294989fb', 'PENDING_CONFIRMATION', 'ACTIVE', 'AUTHORIZED', '2026-11-28 03:27:42.865861+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('762e85f8-93df-41db-8c2a-66837e193c1f', 4, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'b67386ae-07a1-401a-9207-ee1b4f76ea55', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:42.891326+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('ecba5200-ff5e-4f5b-8cc4-4feb74f51664', 5, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'b67386ae-07a1-401a-9207-ee1b4f76ea55', 'PENDING', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', '2026-11-28 03:27:42.950637+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('b3730df3-7dfd-4bbd-ab98-b11968d5feed', 6, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'b67386ae-07a1-401a-9207-ee1b4f76ea55', 'PENDING_CONFIRMATION', 'ACTIVE', 'AUTHORIZED', '2026-11-28 03:27:42.992059+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('b551e9a1-876f-402e-afb8-8cda80667187', 7, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '5bf85de5-b4c7-4401-84c8-1d8c9034f638', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:43.262131+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('6ecfea94-9e4b-416a-b88d-00d82419b173', 8, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '5bf85de5-b4c7-4401-84c8-1d8c9034f638', 'PENDING', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', '2026-11-28 03:27:43.444206+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('c48872c1-adc5-4f34-8cf4-574addb6d821', 9, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'e5cac8fd-e082-4fb1-9d2d-3c2aceed1338', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:43.54045+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('fa6cddab-3bb0-4b7b-966c-502e91fd38cd', 10, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'e5cac8fd-e082-4fb1-9d2d-3c2aceed1338', 'PENDING', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', '2026-11-28 03:27:43.717986+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('24668529-f36a-4c18-9fd5-ce50df020dde', 11, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '6d9e0d70-f950-4f3b-8242-9d22d9f4893e', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:43.762097+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('5ee7e1d7-927e-438e-ad4f-a6ec4e959d27', 12, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '6d9e0d70-f950-4f3b-8242-9d22d9f4893e', 'PENDING', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', '2026-11-28 03:27:44.033316+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('d4c1f6fe-075a-423b-aea2-80e364ed9295', 13, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '8758f303-ff35-4787-bf2c-49c5c8db2a42', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:44.106666+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('beef2028-ea47-4e87-ba60-b2e5efea2c35', 14, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '8758f303-ff35-4787-bf2c-49c5c8db2a42', 'PENDING', 'PENDING_CONFIRMATION', 'AWAITING_CONFIRMATION', '2026-11-28 03:27:44.410598+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('1ac83f51-ed66-4304-9e49-68d8d9e6222c', 15, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '4bdaca4a-8246-4522-9cf4-6f1d23bb3a17', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:44.495174+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('4420dd2a-62b1-423d-9705-436476bbd95d', 16, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '1245ca0a-3892-4a1e-b651-c2083a542f2d', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:44.683347+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('017d44b2-c8a3-44e1-8f7a-20f8012625ea', 17, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '794b9bd1-ee64-4391-846e-aae0c4f97124', NULL, 'PENDING', 'CREATED', '2026-11-28 03:27:44.797581+00');
INSERT INTO public.status_transitions OVERRIDING SYSTEM VALUE VALUES ('9decfe7c-d6f1-40b3-99be-591c3f3a5d8d', 18, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', 'b67386ae-07a1-401a-9207-ee1b4f76ea55', 'ACTIVE', 'DISCONNECTED', 'DISCONNECTED_BY_APPLICATION', '2026-11-28 03:27:44.913225+00');


--
-- Data for Name: tool_executions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tool_executions OVERRIDING SYSTEM VALUE VALUES ('ce2970e5-97b9-4022-a3be-5e041ebc2af2', 1, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '807c7cc3-c903-44ff-9119-a85c294989fb', 'notion_user_self', 'SUCCEEDED', NULL, false, 'faa64440b0551e6765420aa2ac480e86277ffb2446bedd415cda62dabcad0957', '{}', '2026-11-28 03:27:43.02875+00', '2026-11-28 03:28:43.028751+00', '2026-11-28 03:27:43.056516+00', NULL);
INSERT INTO public.tool_executions OVERRIDING SYSTEM VALUE VALUES ('b2da788d-a927-4a4d-8cec-391e46dba00b', 2, 'f7c547e5-91cf-4a79-90ac-feeed0bd422c', '807c7cc3-c903-44ff-9119-a85c294989fb', 'notion_comment_create', 'SUCCEEDED', NULL, true, '5232016a5c0c65c13f62162afd9243d68b11867e559d1554c1b357f1616ea6d8', '{}', '2026-11-28 03:27:43.120484+00', '2026-11-28 03:28:43.120475+00', '2026-11-28 03:27:43.175201+00', 507557513);


--
-- Data for Name: vault_canaries; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vault_canaries VALUES ('b30158740da097ab', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYjMwMTU4NzQwZGEwOTdhYiJ9..eqFYbTJUDW0ntMxV.Tzvo8k6xrJYHmK6_vjvbY4pGGofNydoVxLT9OANkXwE.EeWgOUJNd2ADjGZGkFVctQ', '2026-11-28 03:27:41.489828+00');


--
-- Data for Name: vault_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.vault_keys VALUES ('963096d3c3ef0c8f', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiOTYzMDk2ZDNjM2VmMGM4ZiJ9', 'primary', 'b30158740da097ab', 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYjMwMTU4NzQwZGEwOTdhYiJ9..jDrdCQ2XuGqvvwL_.Qd3Zz2hJ1Dpmc3bjwACXVlFIjoI5mK7oGnGNmR6aHWs.LypoTy66GacMGDVmqBZHsg', '2026-11-28 03:27:41.468184+00', '2026-11-28 03:27:41.468184+00', NULL);


--
-- Name: status_transitions_sequence_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.status_transitions_sequence_seq', 18, true);


--
-- Name: tool_executions_sequence_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.tool_executions_sequence_seq', 2, true);


--
-- Name: api_keys api_keys_environment_id_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_environment_id_id_key UNIQUE (environment_id, id);


--
-- Name: api_keys api_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);


--
-- Name: api_keys api_keys_secret_hmac_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_secret_hmac_key UNIQUE (secret_hmac);


--
-- Name: authorization_flows authorization_flows_confirmation_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authorization_flows
    ADD CONSTRAINT authorization_flows_confirmation_hash_key UNIQUE (confirmation_hash);


--
-- Name: authorization_flows authorization_flows_link_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authorization_flows
    ADD CONSTRAINT authorization_flows_link_hash_key UNIQUE (link_hash);


--
-- Name: authorization_flows authorization_flows_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authorization_flows
    ADD CONSTRAINT authorization_flows_pkey PRIMARY KEY (id);


--
-- Name: authorization_flows authorization_flows_state_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authorization_flows
    ADD CONSTRAINT authorization_flows_state_hash_key UNIQUE (state_hash);


--
-- Name: connected_accounts connected_accounts_environment_id_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.connected_accounts
    ADD CONSTRAINT connected_accounts_environment_id_id_key UNIQUE (environment_id, id);


--
-- Name: connected_accounts connected_accounts_oauth_app_id_identifier_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.connected_accounts
    ADD CONSTRAINT connected_accounts_oauth_app_id_identifier_key UNIQUE (oauth_app_id, identifier);


--
-- Name: connected_accounts connected_accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.connected_accounts
    ADD CONSTRAINT connected_accounts_pkey PRIMARY KEY (id);


--
-- Name: environments environments_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_name_key UNIQUE (name);


--
-- Name: environments environments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.environments
    ADD CONSTRAINT environments_pkey PRIMARY KEY (id);


--
-- Name: grants grants_environment_id_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_environment_id_id_key UNIQUE (environment_id, id);


--
-- Name: grants grants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (id);


--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (account_id, key);


--
-- Name: migrations_lock migrations_lock_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.migrations_lock
    ADD CONSTRAINT migrations_lock_pkey PRIMARY KEY (id);


--
-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);


--
-- Name: oauth_apps oauth_apps_environment_id_connection_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_apps
    ADD CONSTRAINT oauth_apps_environment_id_connection_name_key UNIQUE (environment_id, connection_name);


--
-- Name: oauth_apps oauth_apps_environment_id_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_apps
    ADD CONSTRAINT oauth_apps_environment_id_id_key UNIQUE (environment_id, id);


--
-- Name: oauth_apps oauth_apps_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_apps
    ADD CONSTRAINT oauth_apps_pkey PRIMARY KEY (id);


--
-- Name: rate_budgets rate_budgets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rate_budgets
    ADD CONSTRAINT rate_budgets_pkey PRIMARY KEY (grant_id);


--
-- Name: revocation_outbox revocation_outbox_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revocation_outbox
    ADD CONSTRAINT revocation_outbox_pkey PRIMARY KEY (id);


--
-- Name: server_secrets server_secrets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.server_secrets
    ADD CONSTRAINT server_secrets_pkey PRIMARY KEY (purpose);


--
-- Name: status_transitions status_transitions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.status_transitions
    ADD CONSTRAINT status_transitions_pkey PRIMARY KEY (id);


--
-- Name: tool_executions tool_executions_environment_id_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tool_executions
    ADD CONSTRAINT tool_executions_environment_id_id_key UNIQUE (environment_id, id);


--
-- Name: tool_executions tool_executions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tool_executions
    ADD CONSTRAINT tool_executions_pkey PRIMARY KEY (id);


--
-- Name: vault_canaries vault_canaries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_canaries
    ADD CONSTRAINT vault_canaries_pkey PRIMARY KEY (kek_id);


--
-- Name: vault_keys vault_keys_header_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_keys
    ADD CONSTRAINT vault_keys_header_key UNIQUE (header);


--
-- Name: vault_keys vault_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vault_keys
    ADD CONSTRAINT vault_keys_pkey PRIMARY KEY (kid);


--
-- Name: api_keys_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_keys_newest ON public.api_keys USING btree (environment_id, created_at DESC, id DESC);


--
-- Name: authorization_flows_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX authorization_flows_account ON public.authorization_flows USING btree (account_id);


--
-- Name: authorization_flows_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX authorization_flows_expiry ON public.authorization_flows USING btree (expires_at);


--
-- Name: connected_accounts_grant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX connected_accounts_grant ON public.connected_accounts USING btree (grant_id) WHERE (grant_id IS NOT NULL);


--
-- Name: connected_accounts_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX connected_accounts_newest ON public.connected_accounts USING btree (environment_id, created_at DESC, id DESC);


--
-- Name: grants_due_refresh; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX grants_due_refresh ON public.grants USING btree (next_refresh_at) WHERE (status = 'active'::text);


--
-- Name: grants_due_verify; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX grants_due_verify ON public.grants USING btree (next_verify_at) WHERE (status = 'active'::text);


--
-- Name: grants_one_per_owner; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX grants_one_per_owner ON public.grants USING btree (oauth_app_id, workspace_id, provider_user_id) WHERE (status = 'active'::text);


--
-- Name: idempotency_keys_execution; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idempotency_keys_execution ON public.idempotency_keys USING btree (execution_id);


--
-- Name: idempotency_keys_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idempotency_keys_expiry ON public.idempotency_keys USING btree (expires_at);


--
-- Name: revocation_outbox_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX revocation_outbox_due ON public.revocation_outbox USING btree (next_attempt_at);


--
-- Name: status_transitions_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX status_transitions_newest ON public.status_transitions USING btree (account_id, sequence DESC);


--
-- Name: tool_executions_account; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tool_executions_account ON public.tool_executions USING btree (account_id, sequence DESC);


--
-- Name: tool_executions_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tool_executions_age ON public.tool_executions USING btree (started_at);


--
-- Name: tool_executions_newest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tool_executions_newest ON public.tool_executions USING btree (environment_id, sequence DESC);


--
-- Name: tool_executions_running; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX tool_executions_running ON public.tool_executions USING btree (deadline_at) WHERE (status = 'RUNNING'::text);


--
-- Name: vault_keys_one_primary; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX vault_keys_one_primary ON public.vault_keys USING btree ((true)) WHERE (state = 'primary'::text);


--
-- Name: authorization_flows refuse_retired_keys; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER refuse_retired_keys BEFORE INSERT OR UPDATE OF code_verifier, pending_tokens ON public.authorization_flows FOR EACH ROW EXECUTE FUNCTION public.refuse_retired_keys('code_verifier', 'pending_tokens');


--
-- Name: grants refuse_retired_keys; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER refuse_retired_keys BEFORE INSERT OR UPDATE OF access_token, refresh_token ON public.grants FOR EACH ROW EXECUTE FUNCTION public.refuse_retired_keys('access_token', 'refresh_token');


--
-- Name: idempotency_keys refuse_retired_keys; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER refuse_retired_keys BEFORE INSERT OR UPDATE OF sealed_result ON public.idempotency_keys FOR EACH ROW EXECUTE FUNCTION public.refuse_retired_keys('sealed_result');


--
-- Name: oauth_apps refuse_retired_keys; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER refuse_retired_keys BEFORE INSERT OR UPDATE OF client_secret ON public.oauth_apps FOR EACH ROW EXECUTE FUNCTION public.refuse_retired_keys('client_secret');


--
-- Name: revocation_outbox refuse_retired_keys; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER refuse_retired_keys BEFORE INSERT OR UPDATE OF sealed_token ON public.revocation_outbox FOR EACH ROW EXECUTE FUNCTION public.refuse_retired_keys('sealed_token');


--
-- Name: server_secrets refuse_retired_keys; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER refuse_retired_keys BEFORE INSERT OR UPDATE OF sealed ON public.server_secrets FOR EACH ROW EXECUTE FUNCTION public.refuse_retired_keys('sealed');


--
-- Name: api_keys api_keys_environment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES public.environments(id) ON DELETE CASCADE;


--
-- Name: authorization_flows authorization_flows_environment_id_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authorization_flows
    ADD CONSTRAINT authorization_flows_environment_id_account_id_fkey FOREIGN KEY (environment_id, account_id) REFERENCES public.connected_accounts(environment_id, id) ON DELETE CASCADE;


--
-- Name: authorization_flows authorization_flows_environment_id_oauth_app_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authorization_flows
    ADD CONSTRAINT authorization_flows_environment_id_oauth_app_id_fkey FOREIGN KEY (environment_id, oauth_app_id) REFERENCES public.oauth_apps(environment_id, id) ON DELETE CASCADE;


--
-- Name: connected_accounts connected_accounts_environment_id_grant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.connected_accounts
    ADD CONSTRAINT connected_accounts_environment_id_grant_id_fkey FOREIGN KEY (environment_id, grant_id) REFERENCES public.grants(environment_id, id);


--
-- Name: connected_accounts connected_accounts_environment_id_oauth_app_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.connected_accounts
    ADD CONSTRAINT connected_accounts_environment_id_oauth_app_id_fkey FOREIGN KEY (environment_id, oauth_app_id) REFERENCES public.oauth_apps(environment_id, id) ON DELETE CASCADE;


--
-- Name: grants grants_environment_id_oauth_app_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_environment_id_oauth_app_id_fkey FOREIGN KEY (environment_id, oauth_app_id) REFERENCES public.oauth_apps(environment_id, id) ON DELETE CASCADE;


--
-- Name: idempotency_keys idempotency_keys_environment_id_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_environment_id_account_id_fkey FOREIGN KEY (environment_id, account_id) REFERENCES public.connected_accounts(environment_id, id) ON DELETE CASCADE;


--
-- Name: idempotency_keys idempotency_keys_environment_id_execution_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_environment_id_execution_id_fkey FOREIGN KEY (environment_id, execution_id) REFERENCES public.tool_executions(environment_id, id) ON DELETE CASCADE;


--
-- Name: oauth_apps oauth_apps_environment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.oauth_apps
    ADD CONSTRAINT oauth_apps_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES public.environments(id) ON DELETE CASCADE;


--
-- Name: rate_budgets rate_budgets_environment_id_grant_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rate_budgets
    ADD CONSTRAINT rate_budgets_environment_id_grant_id_fkey FOREIGN KEY (environment_id, grant_id) REFERENCES public.grants(environment_id, id) ON DELETE CASCADE;


--
-- Name: revocation_outbox revocation_outbox_environment_id_oauth_app_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revocation_outbox
    ADD CONSTRAINT revocation_outbox_environment_id_oauth_app_id_fkey FOREIGN KEY (environment_id, oauth_app_id) REFERENCES public.oauth_apps(environment_id, id) ON DELETE CASCADE;


--
-- Name: status_transitions status_transitions_environment_id_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.status_transitions
    ADD CONSTRAINT status_transitions_environment_id_account_id_fkey FOREIGN KEY (environment_id, account_id) REFERENCES public.connected_accounts(environment_id, id) ON DELETE CASCADE;


--
-- Name: tool_executions tool_executions_environment_id_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tool_executions
    ADD CONSTRAINT tool_executions_environment_id_account_id_fkey FOREIGN KEY (environment_id, account_id) REFERENCES public.connected_accounts(environment_id, id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--


