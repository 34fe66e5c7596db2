#include "net/messages/describe_cluster.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::describe_cluster_request);
KARST_DEFINE_MESSAGE(karst::net::describe_cluster_response);
