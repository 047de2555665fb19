"""What formats share: lines and texts ▶ typed columns.

From the bottom up:

* `octets` sees lines as bytes and asks a whole block at once; on it stand `moments`
  (stamps at fixed places) and `names` (words that come again and again)
* `rowwise` asks several parsers about the rows that each can read
* `columns` has the pieces: stamps, request lines, addresses, numbers | `addresses`: the
  class of an address | `date_order`: day or month first
* JSON: `json_text` one text, read strictly | `json_fields` records | `record_shapes`
  what records of one shape share | `yaml_text` YAML as if it were JSON
* access lines: `combined` | `log_format` of nginx | `apache_format` of Apache | `w3c` |
  `access_keys` whatever keys a record has | `http_request` of Google | `percent`
* messages: `messages` of programs and hosts | `http_messages` the request that one
  speaks of | `windows_events`
* `quoted`: cells of CSV over several lines
* `exported`: the envelope in which a log store gives lines back
"""
