"""What exports of settings and bills say of hops whose logs are asked for."""

from forensic.estate import addressed, named, placed
from forensic.wish import ask

ACL = "arn:aws:wafv2:ap-northeast-1:123456789012:regional/webacl/prod/1111-2222"
BALANCER = (
    "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:loadbalancer/app/web/50dc"
)
TEXTS = {
    "acl.json": f'{{"WebACL": {{"Name": "prod", "ARN": "{ACL}"}}}}',
    "logging.json": '"LogDestinationConfigs": ["arn:aws:s3:::aws-waf-logs-example"]',
    "lb.json": f'"LoadBalancerArn": "{BALANCER}"',
    "attributes.json": '{"Key": "access_logs.s3.enabled", "Value": "false"},\n'
    '{"Value": "example-logs", "Key": "access_logs.s3.bucket"}',
    "main.tf": 'resource "aws_cloudfront_distribution" "site" {\n}',
    "cost.csv": "Service,EC2-Instances($),Elastic Load Balancing($),WAF($)\n",
    "notes.txt": "arn:aws:iam::123456789012:role/waf, an ALB and a WAF",
}


def test_names_and_bills() -> None:
    assert named(TEXTS) == {
        "waf": [
            "web ACL prod in acl.json",
            "it is billed in cost.csv",
            "log destination aws-waf-logs-example in logging.json",
        ],
        "load_balancer": [
            "log bucket example-logs in attributes.json",
            "its access log is switched off in attributes.json",
            "it is billed in cost.csv",
            "load balancer app/web/50dc in lb.json",
        ],
        "cdn": ["distribution site (Terraform) in main.tf"],
    }
    assert named({"notes.txt": TEXTS["notes.txt"]}) == {}


def test_only_the_wish_for_that_hop_tells_them() -> None:
    wishes = [ask("waf", None, None), ask("load_balancer", None, None), "core dumps"]
    told = placed(wishes, {"waf": ["web ACL prod in acl.json"]})
    assert told[0].endswith(". The archive names: web ACL prod in acl.json")
    assert told[1:] == wishes[1:]


def test_names_of_what_was_delivered_tell_where_the_rest_lies() -> None:
    waf = "waf/123456789012_waflogs_ap-northeast-1_prod_20250206T0530Z_1.log"
    wishes = [ask(hop, None, None) for hop in ("load_balancer", "waf", "host")]
    balancer, acl, host = addressed(wishes, ["nginx/access.log", waf])
    assert "AWSLogs/123456789012/elasticloadbalancing/ap-northeast-1/" in balancer
    assert "AWSLogs/123456789012/WAFLogs/REGION/" in acl
    assert host == wishes[2]
    other = f"AWSLogs/210987654321/WAFLogs/eu-west-1/{waf}"
    assert addressed(wishes, [waf, other]) == wishes
