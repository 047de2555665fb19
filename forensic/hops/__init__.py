"""Events of all hops ▶ each request, who answered it, and why.

The modules in the order in which they work, and behind a bar what serves them.

`correlate`: events ▶ requests, a window of time after the other.

* `facts`: what the logs can show at all, by the archive's census
* `windows` cut time, and logs without one, into parts that memory holds | `reader`:
  what of the events each of them takes, and what is read once for all
* `reached`: how far web servers came with their upstreams
* `copies` are logs that another log of the archive holds line for line
* `moment` puts every record on one clock | `machine`: whose log it is
* `responses` are the records of answers | `dialogue`: those that take two lines
* `notes` are what programs wrote besides | `kinds`: their phrases, and what follows
  (`kind`: such a row; `scripted`: those of Lua); `refusals`: in which words
  applications say no; `quoted`: what a sentence takes of them; `spread`: exceptions
  over several events; `below`: those between lines of requests; `scored`: what a sum
  of core rules is made of
* `proxies`, `balancers`: which servers stand in front of which
* `join` links the records of one request | `partners`: who has which so far; `pair`
* `chain` makes a row of them, a group of columns a hop | `joined` gives rows what
  another table has of them; `kept`: an error of the origin that a CDN goes on giving
* `about` adds the notes that are about them | `attach` finds whose a note is; `traces`:
  tracebacks and refusals (`thrown`: by path and moment); `gate`, `incident`,
  `arrivals`: notes of logins, of deaths, and of requests that came
* `decide` takes the first line of a table that fits | `table`: a line's shape; `edge`:
  the lines of outer hops, with `said`, `products/`; `origin`: those of inner ones,
  with `error_line`, `passed_on`, `proxied` (an application that asks others),
  `servers` (full, ended, without a script), `causes`, `page`, `between`, `unlogged`,
  `guessed`
* `explain` adds evidence, what is missing, and one sentence

`answer`: a question and the tables ▶ the verdict.

* `question` is what a user saw | `when`: the time as it was typed; `pasted`: what
  stood in for a path
* `meant` finds its zone and day, `match` the requests, `absence` the hops that logged
  and have none (`unwritten`: or do not write such a request down; `selective`: or some
  requests only) | `inquiry` holds all three; `weightiest`: what is meant where nobody
  asks; `nearest`: what is like it where nothing fits
* `verdict` speaks of errors that fit, `success` of answers that were none (`cut_short`:
  or broke off; `loops`: or went round), `inside` of what an inner log says, `sessions`
  of connections without requests, `unseen` of what no log has, `calm` of archives
  without errors
* to the verdict add: `supposed` what was guessed to find it, `other_days` what the time
  means on another day, `unheard` what silence is worth in a gap, `elsewhere` that of
  one server among several, `kept_error` whose error a CDN kept, `web_acl` which of
  several ended it, `labelled` what had labelled it before, `summed` which rules made up
  its score, `login_check` what a check of nginx's ran into, `downtime` the servers that
  were down then, `circumstances` what other logs tell of that moment (`symptoms`: which
  of their lines may matter), `banned` who was shut out then, `slow_script` what ran too
  long, `configured` what nginx's configuration gives (`nginx_blocks`: in which server
  and location)
* `journey` draws the way of the request, `hypotheses` ranks who else may have answered,
  `wanted` asks for what would tell more

`false_positives` stands alone: WAF rules that stop ordinary users.
"""

from forensic.hops.absence import NO_SUCH
from forensic.hops.answer import answer
from forensic.hops.correlate import correlate, correlated
from forensic.hops.false_positives import waf_false_positives
from forensic.hops.inquiry import Inquiry, inquire
from forensic.hops.meant import meant
from forensic.hops.question import Question

__all__ = [
    "NO_SUCH",
    "Inquiry",
    "Question",
    "answer",
    "correlate",
    "correlated",
    "inquire",
    "meant",
    "waf_false_positives",
]
