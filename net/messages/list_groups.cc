#include "net/messages/list_groups.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::list_groups_request);
KARST_DEFINE_MESSAGE(karst::net::list_groups_response);
