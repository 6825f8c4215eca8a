"""A strict Slack on loopback: the real protocol for the sandbox, the tests and the benchmarks."""

from gateway.sandbox.slack.standin import SlackStandIn as SlackStandIn
