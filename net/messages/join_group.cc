#include "net/messages/join_group.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::join_group_request);
KARST_DEFINE_MESSAGE(karst::net::join_group_response);
