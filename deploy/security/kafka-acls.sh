#!/bin/sh
# What each part of Vigía may do on a Kafka cluster, and no more: one user a part, by Kafka's own tool.
#
#   BOOTSTRAP=broker.example:9093 ADMIN=admin.properties sh kafka-acls.sh
#
# ADMIN is the client configuration of a user who may alter ACLs; KAFKA_ACLS names the tool when it is not on the path.
# Read and Write include Describe, and Write to a topic lets an idempotent producer in.
set -eu

allow() {
    user="$1"
    shift
    "${KAFKA_ACLS:-kafka-acls.sh}" --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" \
        --add --allow-principal "User:$user" "$@"
}

# The poller and the other flows: they make the streams, send what they read, put dead letters back and measure lag.
allow vigia-flows --operation Create --operation Read --operation Write --topic news.articles
allow vigia-flows --operation Create --operation Read --operation Write --topic news.classified
allow vigia-flows --operation Create --operation Read --operation Write --topic news.offbeat
allow vigia-flows --operation Create --operation Read --operation Write --topic news.indexed
allow vigia-flows --operation Create --operation Read --operation Write --topic news.alerts
allow vigia-flows --operation Create --operation Read --operation Write --topic news.ops
allow vigia-flows --operation Create --operation Read --operation Write --topic news.deadletter
allow vigia-flows --operation Create --operation Read --operation Write --topic news.deadletter.marks
allow vigia-flows --operation Describe --group vigia-classify
allow vigia-flows --operation Describe --group vigia-index

allow vigia-classify --operation Read --topic news.articles --group vigia-classify
allow vigia-classify --operation Write --topic news.classified
allow vigia-classify --operation Write --topic news.offbeat
allow vigia-classify --operation Write --topic news.deadletter

allow vigia-index --operation Read --topic news.classified --group vigia-index
allow vigia-index --operation Write --topic news.indexed
allow vigia-index --operation Write --topic news.deadletter

allow vigia-alert --operation Read --topic news.indexed --group vigia-alert
allow vigia-alert --operation Write --topic news.alerts
allow vigia-alert --operation Write --topic news.deadletter

allow vigia-notify --operation Read --topic news.alerts --group vigia-notify
allow vigia-notify --operation Write --topic news.ops
allow vigia-notify --operation Write --topic news.deadletter

allow vigia-ops --operation Read --topic news.ops --group vigia-ops
allow vigia-ops --operation Write --topic news.deadletter
