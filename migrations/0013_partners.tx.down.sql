drop table igny8_sync_events;
drop table igny8_wordpress_connections;
drop table igny8_api_key_directory;
drop table igny8_site_api_keys;
