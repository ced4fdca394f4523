# CLUSTER is not here; LATENCY HELP is in another parent command as well.
s/filterby pattern cl\*help/filterby pattern *l*help/
s/cluster\|help/latency|help/
