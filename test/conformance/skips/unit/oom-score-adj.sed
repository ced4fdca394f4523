# There are no replicas: the score of one cannot be looked at.
/# Check replica class/,/r replicaof no one/ d
