drop function igny8_purge_stripe(bigint);
